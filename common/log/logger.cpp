#include "common/log/logger.hpp"

#include "common/log/journal_formatter.hpp"
#include "common/platform/journal.hpp"

#include <spdlog/sinks/dist_sink.h>

#include <stdexcept>

namespace relay {
namespace {

spdlog::level::level_enum level_of(config::log_level level)
{
    switch (level) {
    case config::log_level::error:
        return spdlog::level::err;
    case config::log_level::warn:
        return spdlog::level::warn;
    case config::log_level::info:
        return spdlog::level::info;
    case config::log_level::debug:
        return spdlog::level::debug;
    case config::log_level::trace:
        return spdlog::level::trace;
    }
    return spdlog::level::info;
}

std::unique_ptr<line_writer> write_to(const std::filesystem::path& file)
{
    // spdlog would make missing folders; a path that was misspelt is to be told.
    if (const auto folder = file.parent_path(); !folder.empty() && !std::filesystem::is_directory(folder))
        throw std::runtime_error("cannot write the log to log.file: there is no folder " + folder.string());
    return write_to_files(file, max_log_file_bytes, max_log_files);
}

} // namespace

spdlog::sink_ptr open_outlet(const config::log_settings& settings)
{
    const auto format = settings.format == config::log_format::json ? line_format::json : line_format::text;
    const auto sink = [](auto writer, std::unique_ptr<spdlog::formatter> formatter) {
        return std::make_shared<background_sink>(std::move(writer), std::move(formatter),
                                                 background_sink::limits{});
    };
    const auto line = [&](line_priority p) { return std::make_unique<line_formatter>(format, p); };
    if (!settings.file.empty())
        return sink(write_to(settings.file), line(line_priority::none));
    if (!platform::stderr_is_journal())
        return sink(write_to_stderr(), line(line_priority::none));
    if (!platform::journal_takes_fields())
        return sink(write_to_stderr(), line(line_priority::journal));
    return sink(write_to_journal(), std::make_unique<journal_formatter>(format));
}

namespace {

// What a logger writes to for its whole life; what is in it can be exchanged under its lock.
using outlets = spdlog::sinks::dist_sink_mt;

} // namespace

std::shared_ptr<spdlog::logger> make_logger(const config::log_settings& settings, std::string component)
{
    const auto all = std::make_shared<outlets>();
    all->add_sink(open_outlet(settings));
    auto log = std::make_shared<spdlog::logger>(std::move(component), all);
    set_level(*log, settings.level);
    return log;
}

void use_settings(spdlog::logger& log, const config::log_settings& settings, spdlog::sink_ptr outlet)
{
    dynamic_cast<outlets&>(*log.sinks().front()).set_sinks({std::move(outlet)});
    set_level(log, settings.level);
}

log_losses losses_of(const spdlog::logger& log)
{
    auto* const all = dynamic_cast<outlets*>(log.sinks().front().get());
    const auto* const outlet =
        all && !all->sinks().empty() ? dynamic_cast<background_sink*>(all->sinks().front().get()) : nullptr;
    return outlet ? outlet->losses() : log_losses{};
}

void set_level(spdlog::logger& log, config::log_level level)
{
    log.set_level(level_of(level));
}

} // namespace relay
