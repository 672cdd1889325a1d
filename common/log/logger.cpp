#include "common/log/logger.hpp"

#include "common/log/line_formatter.hpp"
#include "common/platform/journal.hpp"

#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

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

spdlog::sink_ptr make_sink(const std::filesystem::path& file)
{
    if (file.empty())
        return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    // spdlog would make missing folders; a path that was misspelt is to be told.
    if (const auto folder = file.parent_path(); !folder.empty() && !std::filesystem::is_directory(folder))
        throw std::runtime_error("cannot write the log to log.file: there is no folder " + folder.string());
    try {
        return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), max_log_file_bytes,
                                                                      max_log_files - 1);
    } catch (const spdlog::spdlog_ex& e) {
        throw std::runtime_error("cannot write the log to log.file: " + std::string(e.what()));
    }
}

// A sink that writes lines as `settings` want them.
spdlog::sink_ptr make_outlet(const config::log_settings& settings)
{
    const auto format = settings.format == config::log_format::json ? line_format::json : line_format::text;
    const bool journal = settings.file.empty() && platform::stderr_is_journal();
    auto sink = make_sink(settings.file);
    sink->set_formatter(
        std::make_unique<line_formatter>(format, journal ? line_priority::journal : line_priority::none));
    return sink;
}

// What a logger writes to for its whole life; what is in it can be exchanged under its lock.
using outlets = spdlog::sinks::dist_sink_mt;

} // namespace

std::shared_ptr<spdlog::logger> make_logger(const config::log_settings& settings, std::string component)
{
    const auto all = std::make_shared<outlets>();
    all->add_sink(make_outlet(settings));
    auto log = std::make_shared<spdlog::logger>(std::move(component), all);
    log->flush_on(spdlog::level::trace); // a crash takes no line along, and `tail -f` shows what happens now
    set_level(*log, settings.level);
    return log;
}

void use_settings(spdlog::logger& log, const config::log_settings& settings)
{
    auto fresh = make_outlet(settings);
    dynamic_cast<outlets&>(*log.sinks().front()).set_sinks({std::move(fresh)});
    set_level(log, settings.level);
}

void set_level(spdlog::logger& log, config::log_level level)
{
    log.set_level(level_of(level));
}

} // namespace relay
