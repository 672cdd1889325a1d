#include "common/log/logger.hpp"

#include "common/log/line_formatter.hpp"
#include "common/platform/journal.hpp"

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

} // namespace

std::shared_ptr<spdlog::logger> make_logger(const config::log_settings& settings, std::string component)
{
    const auto format = settings.format == config::log_format::json ? line_format::json : line_format::text;
    const bool journal = settings.file.empty() && platform::stderr_is_journal();
    auto log = std::make_shared<spdlog::logger>(std::move(component), make_sink(settings.file));
    log->set_formatter(
        std::make_unique<line_formatter>(format, journal ? line_priority::journal : line_priority::none));
    log->flush_on(
        spdlog::level::info); // what happens per message is debug: a crash must not take the rest along
    set_level(*log, settings.level);
    return log;
}

void set_level(spdlog::logger& log, config::log_level level)
{
    log.set_level(level_of(level));
}

} // namespace relay
