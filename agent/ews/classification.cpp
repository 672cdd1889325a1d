#include "agent/ews/classification.hpp"

#include "agent/ews/response_codes.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace relay::ews {
namespace {

using protocol::fault_code;

constexpr std::size_t longest_code = 100;

// A ResponseCode goes into results and logs: only what looks like one does.
std::string response_code(std::string_view text)
{
    text = trim(text);
    const auto is_word = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    };
    return text.size() <= longest_code && text.starts_with("Error") && std::ranges::all_of(text, is_word)
               ? std::string(text)
               : std::string();
}

std::optional<milliseconds> number_in(std::string_view text)
{
    const auto first = text.find_first_of("0123456789");
    if (first == text.npos)
        return std::nullopt;
    text.remove_prefix(first);
    text = text.substr(0, text.find_first_not_of("0123456789"));
    std::int64_t value = 0;
    if (const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
        ec != std::errc{})
        return longest_back_off; // more digits than a number has
    return milliseconds{std::min<std::int64_t>(value, longest_back_off.count())};
}

// "… back off for 297749 milliseconds", "Suggested backoff time 5000 ms", "BackOffMilliseconds: 5000".
std::optional<milliseconds> back_off_in_text(std::string_view text)
{
    const auto lower = ascii_lower(text);
    for (const std::string_view words : {"backoff", "back off"})
        if (const auto at = lower.find(words); at != lower.npos)
            if (const auto value = number_in(std::string_view(lower).substr(at)))
                return value;
    return std::nullopt;
}

// The value that MessageXml carries under `name`.
std::string_view message_value(pugi::xml_node holder, std::string_view name)
{
    for (auto value = child(holder, "MessageXml").first_child(); value; value = value.next_sibling())
        if (local_name(value) == "Value" && name == value.attribute("Name").value())
            return trimmed(value);
    return {};
}

// What Exchange said, wherever it said it.
struct complaint {
    std::string code;  // empty where it named none
    std::string inner; // refines ErrorInternalServerError
    std::optional<milliseconds> back_off;
};

complaint read_complaint(pugi::xml_node holder)
{
    complaint c;
    c.code = response_code(trimmed(child(holder, "ResponseCode")));
    c.inner = response_code(message_value(holder, "InnerErrorResponseCode"));
    c.back_off = number_in(message_value(holder, "BackOffMilliseconds"));
    if (!c.back_off)
        c.back_off = back_off_in_text(trimmed(child(holder, "MessageText")));
    if (!c.back_off)
        c.back_off = back_off_in_text(trimmed(child(holder, "Message")));
    return c;
}

enum class level { fault, message };

// Throttling by a fault comes before any work, by a message in the middle of it.
bool proves_nothing_happened(const complaint& said, level where)
{
    if (where == level::fault && said.code == "ErrorServerBusy")
        return true;
    return said.inner.empty() && find_code(said.code).raised == raised::early;
}

// Of a write that Exchange answered so. An answer that tells of a broken connection or of time that ran out inside of Exchange does
// not say that the work is over.
effect write_effect(const complaint& said, level where, const consequence& then)
{
    return proves_nothing_happened(said, where) ? effect::none : then.write_effect;
}

bool is_about_subscriptions(operation op)
{
    return op == operation::subscribe || op == operation::get_streaming_events ||
           op == operation::unsubscribe;
}

// What it means, where that depends on what was asked.
std::string_view sentence_for(verdict v, const consequence& then, const call& c)
{
    if (c.operation == operation::get_user_availability) {
        if (v == verdict::transient)
            return "it could not get the free/busy times of the mailbox at the moment; the server that has "
                   "them may be away";
        if (v == verdict::not_allowed)
            return "it may not show the free/busy times of the mailbox; look at its calendar permissions";
        if (v == verdict::too_much)
            return "the mailbox has more in that time than Exchange's limits allow";
    }
    if (v == verdict::bad_recipient && !is_write(c.operation))
        return "it does not take the address of the mailbox; it may be misspelt";
    if (v == verdict::half_done && !is_write(c.operation))
        return "it could not read an item or a folder, which may be damaged";
    if (v == verdict::lost_subscription && !is_about_subscriptions(c.operation))
        return consequence_of(verdict::misconfigured).sentence;
    if (v == verdict::no_mailbox && is_write(c.operation))
        return "this Exchange has no mailbox with the address of the organizer or of an attendee; it may be "
               "misspelt, or have moved to Microsoft 365";
    return then.sentence;
}

verdict verdict_for(const complaint& said, const call& c)
{
    if (!said.inner.empty() && verdict_of(said.inner) != verdict::unknown)
        return verdict_of(said.inner);
    const auto v = verdict_of(said.code);
    if (said.code == "ErrorProxyRequestNotAllowed" && c.operation == operation::get_user_availability)
        return verdict::other_organisation; // to streams it is a lost subscription
    // In free/busy the address that is not right is the mailbox's own; in a meeting it is an attendee's.
    if (said.code == "ErrorInvalidSmtpAddress" &&
        (c.operation == operation::get_user_availability || !is_write(c.operation)))
        return verdict::no_mailbox;
    return v;
}

error judge(const complaint& said, level where, const call& c)
{
    const auto v = verdict_for(said, c);
    const auto& then = consequence_of(v);
    error e;
    e.fault = {then.code, fmt::format("Exchange answered {}: {}", said.code, sentence_for(v, then, c)),
               said.code};
    e.retry_action = then.retry_action;
    if (is_write(c.operation))
        e.effect = write_effect(said, where, then);
    else
        e.may_pass = v == verdict::unknown;
    if (v == verdict::item_gone) {
        if (!is_write(c.operation))
            e.retry_action = retry_action::give_up; // nothing to look up again for
        else if (c.operation == operation::update_item)
            e.effect = effect::none; // a removal may itself be why the item is gone, an update is not
    }
    if (e.retry_action == retry_action::back_off) {
        e.back_off = said.back_off.value_or(milliseconds{0});
        if (e.back_off <= milliseconds{0})
            e.back_off = default_back_off;
        // An impersonated request is charged to the budget of the mailbox it acts for.
        e.whole_server = !c.impersonated || v == verdict::overloaded;
    }
    e.of_mailboxes = c.operation == operation::get_user_availability &&
                     e.retry_action != retry_action::back_off && e.retry_action != retry_action::sign_in;
    return e;
}

} // namespace

error failed_call(const call& c, fault_code code, retry_action r, std::string sentence)
{
    error e;
    e.fault = {code, std::move(sentence), {}};
    e.retry_action = r;
    e.effect = is_write(c.operation) ? effect::unknown : effect::none;
    return e;
}

error classify(const http::failed& f, const call& c)
{
    const bool refused = f.code == failure::unauthorized || f.code == errc::bad_credentials_source;
    auto e = refused ? failed_call(c, fault_code::auth_failed, retry_action::sign_in, f.message)
                     : failed_call(c, fault_code::exchange_unavailable, retry_action::retry, f.message);
    // An answer over the transport's limit: the same question would bring the same. A write is looked up
    // instead.
    if (f.code == failure::permanent && f.how_far == http::reached::sent && !is_write(c.operation)) {
        e.fault.code = fault_code::result_too_large;
        e.fault.message += "; ask for less at once";
        e.retry_action = retry_action::give_up;
        e.may_pass = true;
    }
    if (f.how_far == http::reached::nothing)
        e.effect = effect::none;
    // No answer in time: Exchange may be waiting for the server or the organisation of a single mailbox.
    e.of_mailboxes = c.operation == operation::get_user_availability && f.how_far == http::reached::sent;
    if (e.fault.message.empty())
        e.fault.message = "Exchange cannot be reached: " + f.code.message();
    return e;
}

error classify_fault(pugi::xml_node fault, const call& c)
{
    const auto detail = child(fault, "detail");
    auto said = read_complaint(detail);
    const auto faultcode = trimmed(child(fault, "faultcode"));
    if (said.code.empty()) // "a:ErrorSchemaValidation"
        said.code = response_code(faultcode.substr(faultcode.rfind(':') + 1));
    if (!said.back_off)
        said.back_off = back_off_in_text(trimmed(child(fault, "faultstring")));
    if (said.code.empty())
        return failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                           "Exchange answered with a SOAP fault that names no error code");
    return judge(said, level::fault, c);
}

error classify_message(pugi::xml_node message, const call& c)
{
    const auto said = read_complaint(message);
    if (said.code.empty())
        return failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                           "Exchange answered with an error that names no error code");
    return judge(said, level::message, c);
}

bool proves_sign_in(std::string_view code) noexcept
{
    return code == "ErrorNameResolutionNoResults" || code == "ErrorNameResolutionNoMailbox" ||
           code == "ErrorMissingEmailAddress" || code == "ErrorNonExistentMailbox";
}

error unsupported_server(support s, const std::string& product)
{
    error e;
    e.fault.code = fault_code::exchange_unsupported;
    e.fault.message =
        s == support::online
            ? "the server is Exchange Online, which Workestra reaches without this agent: use its Microsoft "
              "365 integration"
            : fmt::format("the server is {}; this agent needs Exchange 2013 SP1 or newer", product);
    return e;
}

} // namespace relay::ews
