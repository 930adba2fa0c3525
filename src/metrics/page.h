// A page of metrics in Prometheus's text format, put together when somebody asks for it.
//
// The rooms keep plain counters of their own and know nothing of Prometheus; whoever makes the page
// copies them in.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace parley::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Counts how often a value fell below each bound. Thread-compatible.
class Histogram {
 public:
  // `bounds` ascend; what is above the last is counted as well.
  explicit Histogram(std::vector<double> bounds);
  void add(double value);

  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  // One more than bounds(): not cumulative.
  [[nodiscard]] const std::vector<std::uint64_t>& counts() const { return counts_; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

// Thread-compatible. Names by Prometheus's rules: base units, counters end in _total.
class Page {
 public:
  void counter(const std::string& name, const std::string& help, double value,
               const Labels& labels = {});
  void gauge(const std::string& name, const std::string& help, double value,
             const Labels& labels = {});
  void histogram(const std::string& name, const std::string& help, const Histogram& histogram);

  [[nodiscard]] std::string text() const;

 private:
  prometheus::ClientMetric& add(const std::string& name, const std::string& help,
                                prometheus::MetricType type, const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace parley::metrics
