#include "service/doctor_input.hpp"

#include "agent/app/cloud_settings.hpp"
#include "agent/app/exchange_connection.hpp"
#include "service/agents_eyes.hpp"

#include <algorithm>

namespace relay::service {

doctor::doctor_input doctor_input_of(const std::filesystem::path& file)
{
    auto variables = see_as_the_agent(file);
    // Who may read the files is a check of its own; and where a key is wrong, the rest is looked at all the same.
    auto read = config::load_what_is_readable(file, config::process_environment(), config::purpose::run,
                                              config::file_check::none);
    doctor::doctor_input who;
    who.config_file = file;
    who.variables = std::move(variables);
    who.mistakes = std::move(read.wrong);
    const bool unread = std::ranges::any_of(who.mistakes, [](const auto& m) { return m.key.empty(); });
    if (unread) // not a key of it: there is no telling what it wants
        return who;
    who.cloud = app::dial_settings(read.known.cloud);
    who.exchange = app::http_settings(read.known.exchange);
    who.ews = app::ews_settings(read.known.exchange);
    who.settings = std::move(read.known);
    return who;
}

} // namespace relay::service
