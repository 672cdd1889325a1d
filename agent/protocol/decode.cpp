// Reading frames. Making them is in encode.cpp.
#include "agent/protocol/codec.hpp"

#include "agent/protocol/fields.hpp"
#include "agent/protocol/operation.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/parse.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace relay::protocol {
namespace {

using decoded = boost::system::result<inbound, problem>;

constexpr std::size_t deepest = 32;
// Members, elements and lists of a frame. The largest legal command has 5,000; a value takes up to 20 times its text.
constexpr std::size_t most_values = 32'768;
constexpr std::size_t no_limit = std::size_t(-1);
constexpr std::size_t longest_word = 100; // op, code
constexpr std::size_t longest_session = 200;
constexpr std::size_t longest_message = 1000;
constexpr std::int64_t longest_heartbeat_s = 3600;
constexpr std::int64_t smallest_message_bytes = 512; // less holds no error result
constexpr std::int64_t largest_message_bytes = 64 * 1024 * 1024;
constexpr std::int64_t longest_wait_s = 86'400;

// Spelled out, as a problem is also something the cloud may send.
decoded refuse(std::string message, std::string id)
{
    return decoded(boost::system::in_place_error,
                   problem{"invalid_message", std::move(message), std::move(id)});
}

// A text of the cloud's as it may be logged: not endless, no line breaks.
std::string printable(std::string_view text, std::size_t limit)
{
    std::string out(utf8_prefix(text, limit));
    for (auto& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = ' ';
    return out;
}

// Whether parsing it would make more values than any true frame has. Outside of texts each begins behind one of these.
bool has_too_many_values(std::string_view frame) noexcept
{
    if (frame.size() <= most_values)
        return false;
    std::size_t values = 0;
    for (std::size_t i = 0; i < frame.size() && values <= most_values; ++i) {
        const char c = frame[i];
        if (c == '"') {
            for (++i; i < frame.size() && frame[i] != '"'; ++i)
                i += frame[i] == '\\' ? 1 : 0;
        } else if (c == ',' || c == ':' || c == '[' || c == '{') {
            ++values;
        }
    }
    return values > most_values;
}

// The envelope of one frame, field by field; the first field that is wrong is kept.
class envelope {
public:
    explicit envelope(const json::object& o) : object_(o) {}

    // Absent and null are the same for a field that is not needed.
    const json::value* find(std::string_view name) const
    {
        const auto* v = object_.if_contains(name);
        return v && !v->is_null() ? v : nullptr;
    }

    std::string text(std::string_view name, std::size_t longest)
    {
        const auto* v = needed(name);
        if (!v)
            return {};
        const auto* s = v->if_string();
        if (!s)
            return fail(name, "must be a string"), std::string();
        if (s->size() > longest)
            return fail(name, fmt::format("must be at most {} bytes long", longest)), std::string();
        return std::string(*s);
    }

    std::string optional_text(std::string_view name, std::size_t cut_at)
    {
        const auto* v = find(name);
        if (!v)
            return {};
        if (!v->is_string())
            return fail(name, "must be a string"), std::string();
        return printable(v->get_string(), cut_at);
    }

    std::string id(std::string_view name)
    {
        auto text = this->text(name, no_limit);
        if (!wrong_.empty())
            return {};
        if (!is_id(text, longest_command_id))
            fail(name, "must be 1 to 64 of A-Z a-z 0-9 . _ : -");
        return text;
    }

    std::optional<std::int64_t> optional_integer(std::string_view name)
    {
        const auto* v = find(name);
        if (!v)
            return std::nullopt;
        const auto n = as_integer(*v);
        if (!n)
            fail(name, "must be a whole number");
        return n;
    }

    // An absent one is `otherwise`; one out of range is wrong.
    std::int64_t integer_in(std::string_view name, std::int64_t least, std::int64_t most,
                            std::int64_t otherwise)
    {
        const auto n = optional_integer(name).value_or(otherwise);
        if (n < least || n > most)
            fail(name, fmt::format("must be from {} to {}", least, most));
        return n;
    }

    sequence number(std::string_view name)
    {
        if (!needed(name))
            return 0;
        return integer_in(name, 0, std::numeric_limits<sequence>::max(), 0);
    }

    bool flag(std::string_view name)
    {
        const auto* v = find(name);
        if (v && !v->is_bool())
            fail(name, "must be true or false");
        return v && v->is_bool() && v->get_bool();
    }

    json::object object(std::string_view name)
    {
        const auto* v = find(name);
        if (v && !v->is_object())
            fail(name, "must be an object");
        return v && v->is_object() ? v->get_object() : json::object();
    }

    void fail(std::string_view name, std::string_view what)
    {
        if (wrong_.empty())
            wrong_ = fmt::format("{}: {}", name, what);
    }

    // `message`, or the problem to answer with.
    decoded finish(inbound message) const
    {
        if (wrong_.empty())
            return message;
        const auto* id = object_.if_contains("id");
        const bool readable = id && id->is_string() && is_id(id->get_string(), longest_command_id);
        return refuse(wrong_, readable ? std::string(id->get_string()) : std::string());
    }

private:
    const json::value* needed(std::string_view name)
    {
        const auto* v = find(name);
        if (!v)
            fail(name, "is missing");
        return v;
    }

    const json::object& object_;
    std::string wrong_;
};

decoded decode_welcome(envelope e)
{
    welcome w;
    w.session = e.text("session", longest_session);
    if (const auto* time = e.find("time")) {
        const relay::result<utc_time> read =
            time->is_string() ? parse_rfc3339(time->get_string()) : errc::bad_time;
        if (read.has_value())
            w.time = *read;
        else
            e.fail("time", "must be an RFC 3339 time");
    }
    w.heartbeat =
        std::chrono::seconds{e.integer_in("heartbeat_s", 1, longest_heartbeat_s, w.heartbeat.count())};
    w.ack = e.number("ack");
    w.max_message_bytes = static_cast<std::size_t>(e.integer_in(
        "max_message_bytes", smallest_message_bytes, largest_message_bytes, default_max_message_bytes));
    return e.finish(std::move(w));
}

decoded decode_reject(envelope e)
{
    reject r;
    r.code = printable(e.text("code", longest_word), longest_word);
    r.message = e.optional_text("message", longest_message);
    if (const auto wait = e.optional_integer("retry_after_s"))
        r.retry_after = std::chrono::seconds{std::clamp(*wait, std::int64_t{1}, longest_wait_s)};
    return e.finish(std::move(r));
}

decoded decode_command(envelope e)
{
    command c;
    c.id = e.id("id");
    c.op = e.text("op", longest_word);
    if (const auto* mailbox = e.find("mailbox")) {
        if (mailbox->is_string())
            c.mailbox = std::string(mailbox->get_string());
        else
            e.fail("mailbox", "must be a string");
    }
    constexpr milliseconds longest = longest_ttl;
    if (const auto ttl = e.optional_integer("ttl_ms")) // below 1 is the inbox's to refuse
        c.ttl = std::clamp(milliseconds{*ttl}, -longest, longest);
    c.redelivered = e.flag("redelivered");
    c.params = e.object("params");
    return e.finish(std::move(c));
}

decoded decode_drain(envelope e)
{
    const auto wait = e.integer_in("reconnect_after_ms", 0, std::numeric_limits<std::int64_t>::max(), 0);
    return e.finish(drain{milliseconds{std::min(wait, longest_wait_s * 1000)}});
}

decoded decode_problem(envelope e)
{
    problem p;
    p.code = printable(e.text("code", longest_word), longest_word);
    p.message = e.optional_text("message", longest_message);
    p.id = e.optional_text("id", longest_word);
    return e.finish(inbound(std::move(p)));
}

} // namespace

decoded decode(std::string_view frame)
{
    if (has_too_many_values(frame))
        return refuse(fmt::format("the frame holds more than {} values", most_values), salvage_id(frame));
    json::parse_options options;
    options.max_depth = deepest;
    boost::system::error_code ec;
    const auto value = json::parse(json::string_view(frame.data(), frame.size()), ec, {}, options);
    if (ec)
        return refuse("the frame is not JSON: " + ec.message(), salvage_id(frame));
    const auto* object = value.if_object();
    if (!object)
        return refuse("the frame is not a JSON object", {});

    envelope e(*object);
    const auto type = e.text("type", no_limit);
    if (auto checked = e.finish(unknown_type{}); !checked.has_value())
        return checked;
    if (type == "command")
        return decode_command(e);
    if (type == "ack") {
        const ack a{e.number("seq")};
        return e.finish(a);
    }
    if (type == "cancel") {
        cancel c{e.id("id")};
        return e.finish(std::move(c));
    }
    if (type == "welcome")
        return decode_welcome(e);
    if (type == "reject")
        return decode_reject(e);
    if (type == "drain")
        return decode_drain(e);
    if (type == "problem")
        return decode_problem(e);
    return e.finish(unknown_type{printable(type, longest_word)});
}

} // namespace relay::protocol
