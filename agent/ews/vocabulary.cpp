#include "agent/ews/vocabulary.hpp"

namespace relay::ews {

std::string_view name(operation op) noexcept
{
    switch (op) {
    case operation::resolve_names:
        return "ResolveNames";
    case operation::get_folder:
        return "GetFolder";
    case operation::find_folder:
        return "FindFolder";
    case operation::get_user_availability:
        return "GetUserAvailability";
    case operation::find_item:
        return "FindItem";
    case operation::get_item:
        return "GetItem";
    case operation::create_item:
        return "CreateItem";
    case operation::update_item:
        return "UpdateItem";
    case operation::delete_item:
        return "DeleteItem";
    case operation::subscribe:
        return "Subscribe";
    case operation::get_streaming_events:
        return "GetStreamingEvents";
    case operation::unsubscribe:
        return "Unsubscribe";
    }
    return "";
}

const char* legacy_free_busy_status(protocol::show_as s) noexcept
{
    switch (s) {
    case protocol::show_as::free:
        return "Free";
    case protocol::show_as::busy:
        return "Busy";
    case protocol::show_as::tentative:
        return "Tentative";
    case protocol::show_as::oof:
        return "OOF";
    case protocol::show_as::working_elsewhere:
        return "WorkingElsewhere";
    }
    return "Busy";
}

protocol::show_as show_as_of(std::string_view status) noexcept
{
    if (status == "Free")
        return protocol::show_as::free;
    if (status == "Tentative")
        return protocol::show_as::tentative;
    if (status == "OOF")
        return protocol::show_as::oof;
    if (status == "WorkingElsewhere")
        return protocol::show_as::working_elsewhere;
    return protocol::show_as::busy;
}

std::optional<busy_status> busy_status_of(std::string_view busy_type) noexcept
{
    if (busy_type == "Free")
        return std::nullopt;
    if (busy_type == "Tentative")
        return busy_status::tentative;
    if (busy_type == "OOF")
        return busy_status::oof;
    if (busy_type == "WorkingElsewhere")
        return busy_status::working_elsewhere;
    if (busy_type == "NoData")
        return busy_status::no_data;
    return busy_status::busy;
}

std::optional<busy_status> busy_status_of_digit(char digit) noexcept
{
    switch (digit) {
    case '0':
        return std::nullopt;
    case '1':
        return busy_status::tentative;
    case '2':
        return busy_status::busy;
    case '3':
        return busy_status::oof;
    case '5':
        return busy_status::working_elsewhere;
    default:
        return busy_status::no_data;
    }
}

answer answer_of(std::string_view response_type) noexcept
{
    if (response_type == "Accept")
        return answer::accepted;
    if (response_type == "Tentative")
        return answer::tentative;
    if (response_type == "Decline")
        return answer::declined;
    return answer::none;
}

} // namespace relay::ews
