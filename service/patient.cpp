#include "service/patient.hpp"

#include "agent/app/cloud_side.hpp"
#include "agent/app/exchange_side.hpp"

namespace relay::service {

doctor::patient patient_of(const std::filesystem::path& file)
{
    using config::file_check;
    using config::purpose;
    doctor::patient who;
    who.config_file = file;
    const auto variables = config::process_environment();
    // Who may read the files is a check of its own; and where something is missing, the rest is looked at all the same.
    auto loaded = config::load(file, variables, purpose::run, file_check::none);
    if (loaded.has_error()) {
        who.mistakes = loaded.error();
        loaded = config::load(file, variables, purpose::enroll, file_check::none);
    }
    if (loaded.has_error())
        return who;
    who.cloud = app::dial_settings(loaded->cloud);
    who.exchange = app::http_settings(loaded->exchange);
    who.ews = app::ews_settings(loaded->exchange);
    who.settings = std::move(*loaded);
    return who;
}

} // namespace relay::service
