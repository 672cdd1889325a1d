#include "tests/stand_ins/exchange/faults.hpp"

#include "common/text/text.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace relay::exchange_sim {
namespace {

namespace json = boost::json;

constexpr std::pair<std::string_view, fault_action> actions[] = {
    {"delay", fault_action::delay},
    {"late", fault_action::late},
    {"hang", fault_action::hang},
    {"reset", fault_action::reset},
    {"status", fault_action::status},
    {"html", fault_action::html},
    {"redirect", fault_action::redirect},
    {"soap_fault", fault_action::soap_fault},
    {"error", fault_action::error},
    {"busy", fault_action::busy},
    {"truncate", fault_action::truncate},
    {"garbage", fault_action::garbage},
    {"huge", fault_action::huge},
    {"bomb", fault_action::bomb},
    {"deep", fault_action::deep},
    {"nodes", fault_action::nodes},
    {"gzip_bomb", fault_action::gzip_bomb},
    {"empty", fault_action::empty},
    {"unauthorized", fault_action::unauthorized},
    {"unseen", fault_action::unseen},
    {"unsent", fault_action::unsent},
    {"saved_and_refused", fault_action::saved_and_refused},
    {"lacking", fault_action::lacking},
    {"recoded", fault_action::recoded},
    {"gzip_garbage", fault_action::gzip_garbage},
    {"cut_chunks", fault_action::cut_chunks},
    {"twice", fault_action::twice},
    {"foreign", fault_action::foreign},
};

[[noreturn]] void refuse(std::string_view key, std::string_view why)
{
    throw std::invalid_argument("fault: " + std::string(key) + ": " + std::string(why));
}

std::uint64_t number(std::string_view key, const json::value& value, std::uint64_t most)
{
    error_code ec;
    const auto n = value.to_number<std::uint64_t>(ec);
    if (ec || n > most)
        refuse(key, "must be a number from 0 to " + std::to_string(most));
    return n;
}

std::string text(std::string_view key, const json::value& value)
{
    if (!value.is_string())
        refuse(key, "must be a string");
    return std::string(value.get_string());
}

bool truth(std::string_view key, const json::value& value)
{
    if (!value.is_bool())
        refuse(key, "must be true or false");
    return value.get_bool();
}

fault_action read_action(const std::string& name)
{
    const auto found = std::ranges::find(actions, name, [](const auto& a) { return a.first; });
    if (found == std::end(actions))
        refuse("action", "there is none called " + name);
    return found->second;
}

// HTTP header names and values must not end their line.
std::string header_text(std::string_view key, std::string value)
{
    if (value.find_first_of("\r\n") != value.npos)
        refuse(key, "must be one line");
    return value;
}

// Those of a refusal that is told by a fault, and of an answer that lacks something. False for any other field.
bool read_form_field(fault& f, std::string_view key, const json::value& value)
{
    using enum fault_form::faultcode;
    if (key == "faultcode") {
        const auto form = text(key, value);
        if (form != "prefixed" && form != "bare" && form != "none")
            refuse(key, "must be prefixed, bare or none");
        f.form.code = form == "prefixed" ? prefixed : form == "bare" ? bare : none;
    } else if (key == "detail") {
        f.form.detail = truth(key, value);
    } else if (key == "as") {
        const auto form = text(key, value);
        if (form != "message" && form != "fault")
            refuse(key, "must be message or fault");
        f.as_fault = form == "fault";
    } else if (key == "element") {
        f.element = text(key, value);
    } else if (key == "keep") {
        f.keep = number(key, value, 1u << 30);
    } else {
        return false;
    }
    return true;
}

void read_field(fault& f, std::string_view key, const json::value& value)
{
    if (key == "operation")
        f.operation = text(key, value);
    else if (key == "mailbox")
        f.mailbox = ascii_lower(text(key, value));
    else if (key == "when") {
        const auto when = text(key, value);
        if (when != "before" && when != "after")
            refuse(key, "must be before or after");
        f.after = when == "after";
    } else if (key == "action")
        f.action = read_action(text(key, value));
    else if (key == "skip")
        f.skip = number(key, value, 1u << 30);
    else if (key == "count")
        f.count = number(key, value, 1u << 30);
    else if (key == "ms")
        f.ms = milliseconds(number(key, value, 3'600'000));
    else if (key == "status")
        f.status = static_cast<unsigned>(std::max<std::uint64_t>(200, number(key, value, 599)));
    else if (key == "body")
        f.body = text(key, value);
    else if (key == "location")
        f.location = header_text(key, text(key, value));
    else if (key == "code")
        f.code = text(key, value);
    else if (key == "headers") {
        if (!value.is_object())
            refuse(key, "must be an object");
        for (const auto& [name, v] : value.get_object())
            f.headers.emplace_back(header_text(key, name), header_text(key, text(name, v)));
    } else if (key == "back_off_ms")
        f.back_off_ms = static_cast<std::int64_t>(number(key, value, 1u << 30));
    else if (key == "bytes")
        f.bytes = number(key, value, std::uint64_t{1} << 32);
    else if (key == "levels")
        f.levels = number(key, value, 10'000'000);
    else if (key == "charset") {
        f.charset = text(key, value);
        if (f.charset != "utf-16" && f.charset != "latin-1")
            refuse(key, "must be utf-16 or latin-1");
    } else if (key == "declared")
        f.declared = truth(key, value);
    else if (key == "echo")
        f.echo = truth(key, value);
    else if (key == "of")
        f.of = text(key, value);
    else if (!read_form_field(f, key, value))
        refuse(key, "there is no such field");
}

fault read_fault(const json::value& value)
{
    if (!value.is_object())
        throw std::invalid_argument("a fault must be an object");
    const auto& object = value.get_object();
    if (!object.contains("action"))
        refuse("action", "is missing");
    fault f;
    for (const auto& [key, v] : object)
        read_field(f, key, v);
    if (f.code.empty())
        f.code = "ErrorInternalServerError";
    if (f.action == fault_action::lacking && f.element.empty())
        refuse("element", "is missing");
    if (f.status != 0)
        f.form.status = f.status;
    else
        f.status = f.action == fault_action::twice ? 500 : 503;
    if (f.location.empty())
        f.location = "https://localhost/owa/auth/logon.aspx";
    return f;
}

} // namespace

std::vector<fault> read_faults(const json::value& plan)
{
    if (!plan.is_array())
        throw std::invalid_argument("the fault plan must be a list");
    std::vector<fault> faults;
    for (const auto& value : plan.get_array())
        faults.push_back(read_fault(value));
    return faults;
}

void fault_plan::replace(std::vector<fault> faults)
{
    faults_.clear();
    for (auto& f : faults)
        faults_.push_back({std::move(f), 0});
}

strike fault_plan::next(std::string_view operation, const std::vector<std::string>& mailboxes)
{
    strike s;
    for (auto& [f, seen] : faults_) {
        const bool matches =
            (f.operation == "*" || f.operation == operation) &&
            (f.mailbox.empty() || std::ranges::find(mailboxes, f.mailbox) != mailboxes.end());
        if (!matches)
            continue;
        const auto n = seen++;
        if (n < f.skip || (f.count != 0 && n >= f.skip + f.count))
            continue;
        if (f.action != fault_action::delay) {
            s.effect = f;
            break;
        }
        (f.after ? s.delay_after : s.delay_before) += f.ms;
    }
    return s;
}

strike fault_plan::anonymous() const
{
    strike s;
    for (const auto& [f, seen] : faults_) {
        const bool needs_operation =
            f.action == fault_action::soap_fault || f.action == fault_action::error ||
            f.action == fault_action::busy || f.action == fault_action::late ||
            f.action == fault_action::unseen || f.action == fault_action::unsent ||
            f.action == fault_action::recoded || f.action == fault_action::cut_chunks ||
            f.action == fault_action::saved_and_refused || f.action == fault_action::lacking ||
            f.action == fault_action::twice || f.action == fault_action::foreign;
        if (f.operation != "*" || !f.mailbox.empty() || f.count != 0 || f.skip != 0 || f.after ||
            needs_operation)
            continue;
        if (f.action != fault_action::delay) {
            s.effect = f;
            break;
        }
        s.delay_before += f.ms;
    }
    return s;
}

} // namespace relay::exchange_sim
