#include "agent/store/offline/inspection.hpp"

#include "agent/store/sqlite/damaged_files.hpp"
#include "agent/store/sqlite/schema.hpp"

namespace relay::store {
namespace {

std::uintmax_t size_of(const std::filesystem::path& file)
{
    std::error_code ec;
    const auto size = std::filesystem::file_size(file, ec);
    return ec ? 0 : size;
}

error_code look(const std::filesystem::path& file, std::chrono::milliseconds limit, std::string& problem)
{
    auto db = sqlite::database::open_to_read(file.string(), &problem);
    if (db.has_error())
        return db.error();
    const auto sound = [&]() -> result<void> {
        if (auto ours = check_is_queue(**db); ours.has_error())
            return ours;
        if (auto known = (*db)->check_version(queue_schema().size()); known.has_error())
            return known.error();
        return (*db)->quick_check(limit);
    }();
    problem = (*db)->last_problem();
    return sound.has_error() ? sound.error() : error_code();
}

} // namespace

inspection inspect_queue(const std::filesystem::path& folder, std::chrono::milliseconds limit)
{
    const auto file = folder / queue_file_name;
    const auto log = std::filesystem::path(file) += "-wal";
    inspection seen;
    seen.set_aside = damaged_files(file);
    std::error_code ec;
    seen.there = std::filesystem::exists(file, ec);
    if (ec) {
        seen.trouble = error_code(ec.value(), boost::system::system_category());
        return seen;
    }
    if (const auto lost = lost_content(file); !lost.empty()) {
        seen.trouble = errc::store_corrupt;
        seen.problem = lost;
        return seen;
    }
    seen.bytes = size_of(file) + size_of(log);
    // An empty file is what an agent leaves that died while it made one: the next start goes on from it.
    if (seen.there && size_of(file) > 0)
        seen.trouble = look(file, limit, seen.problem);
    return seen;
}

} // namespace relay::store
