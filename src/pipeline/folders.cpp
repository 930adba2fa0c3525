#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glib.h>

#include "pipeline/description.h"
#include "wrap/owned.h"

namespace parley::pipeline {

base::Result<Description> Folders::load(std::string_view name) const {
  for (const std::string& folder : paths_) {
    const std::string path = fmt::format("{}/{}.pipeline", folder, name);
    wrap::Owned<char> text;
    wrap::Owned<GError> error;
    gsize size = 0;
    if (g_file_get_contents(path.c_str(), wrap::OutParam(text), &size, wrap::OutParam(error)))
      return Description::parse(path, std::string_view(text.get(), size));
    if (!g_error_matches(error.get(), G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
        !g_error_matches(error.get(), G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
      return base::fail(base::Code::kUnavailable, error->message);
  }
  return base::fail(base::Code::kNotFound,
                    fmt::format("there is no {}.pipeline in {}", name, fmt::join(paths_, ", ")));
}

}  // namespace parley::pipeline
