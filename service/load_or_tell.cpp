#include "service/load_or_tell.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace relay::service {

std::optional<config::settings> load_or_tell(const std::filesystem::path& file, config::purpose what,
                                             config::file_check files)
{
    auto loaded = config::load(file, config::process_environment(), what, files);
    if (loaded.has_value())
        return std::move(*loaded);
    for (const auto& mistake : loaded.error())
        fmt::print(stderr, "workestra-relay: {}\n", config::format(mistake, file));
    return std::nullopt;
}

} // namespace relay::service
