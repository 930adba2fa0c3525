#include "metrics/page.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

namespace parley::metrics {

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::add(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  ++counts_[static_cast<std::size_t>(at - bounds_.begin())];
  sum_ += value;
}

prometheus::ClientMetric& Page::add(const std::string& name, const std::string& help,
                                    prometheus::MetricType type, const Labels& labels) {
  auto family = std::find_if(families_.begin(), families_.end(),
                             [&](const auto& f) { return f.name == name; });
  if (family == families_.end()) {
    families_.push_back({name, help, type, {}});
    family = families_.end() - 1;
  }
  prometheus::ClientMetric& metric = family->metric.emplace_back();
  for (const auto& [key, value] : labels) metric.label.push_back({key, value});
  return metric;
}

void Page::counter(const std::string& name, const std::string& help, double value,
                   const Labels& labels) {
  add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void Page::gauge(const std::string& name, const std::string& help, double value,
                 const Labels& labels) {
  add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Page::histogram(const std::string& name, const std::string& help, const Histogram& histogram) {
  auto& target = add(name, help, prometheus::MetricType::Histogram, {}).histogram;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
    below += histogram.counts()[i];
    const double bound = i < histogram.bounds().size() ? histogram.bounds()[i]
                                                       : std::numeric_limits<double>::infinity();
    target.bucket.push_back({below, bound});
  }
  target.sample_count = below;
  target.sample_sum = histogram.sum();
}

std::string Page::text() const { return prometheus::TextSerializer().Serialize(families_); }

}  // namespace parley::metrics
