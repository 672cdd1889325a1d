// Making frames. Reading them is in decode.cpp.
#include "agent/protocol/codec.hpp"

#include "common/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>

namespace relay::protocol {
namespace {

constexpr std::size_t longest_message = 1000; // bytes of a fault's or problem's message

bool is_plain(std::string_view text)
{
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

void put_string(std::string& out, std::string_view text)
{
    if (is_plain(text)) {
        ((out += '"') += text) += '"';
        return;
    }
    out += json::serialize(json::string_view(text.data(), text.size()));
}

void put_number(std::string& out, std::int64_t value)
{
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// A text frame must be UTF-8, and what Exchange sent (display names, subjects of old clients) may not be.
std::string as_utf8(std::string text)
{
    if (is_utf8(text))
        return text;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t length = 1;
        while (length <= 4 && !is_utf8(std::string_view(text).substr(at, length)))
            ++length;
        if (length > 4) {
            out += '?';
            ++at;
            continue;
        }
        out.append(text, at, length);
        at += length;
    }
    return out;
}

std::string begin_frame(std::string_view type, std::size_t expected)
{
    std::string out;
    out.reserve(expected);
    out += R"({"type":")";
    out += type;
    out += '"';
    return out;
}

std::string end_frame(std::string out)
{
    out += '}';
    return as_utf8(std::move(out));
}

} // namespace

json::object to_json(const fault& f)
{
    json::object o;
    o["code"] = std::string(name(f.code));
    o["message"] = utf8_prefix(f.message, longest_message);
    o["retryable"] = retryable(f.code);
    if (!f.exchange.empty())
        o["exchange"] = f.exchange;
    return o;
}

std::string encode(const hello& h)
{
    json::array operations;
    for (const auto& o : h.operations)
        operations.emplace_back(o);
    const json::object o{
        {"type", "hello"},
        {"protocol", version},
        {"agent",
         {{"id", h.agent_id},
          {"name", h.agent_name},
          {"version", h.agent_version},
          {"os", h.os},
          {"host", h.host}}},
        {"store", {{"id", h.store_id}, {"next_seq", h.next_seq}, {"unacked", h.unacked}}},
        {"operations", std::move(operations)},
        {"window", h.window},
    };
    return as_utf8(json::serialize(o));
}

std::string encode_accepted(std::string_view id)
{
    auto out = begin_frame("accepted", 40 + id.size());
    out += R"(,"id":)";
    put_string(out, id);
    return end_frame(std::move(out));
}

std::string encode(const problem& p)
{
    auto out = begin_frame("problem", 80 + p.message.size());
    out += R"(,"code":)";
    put_string(out, p.code);
    out += R"(,"message":)";
    put_string(out, utf8_prefix(p.message, longest_message));
    if (!p.id.empty()) {
        out += R"(,"id":)";
        put_string(out, p.id);
    }
    return end_frame(std::move(out));
}

std::string encode_goodbye(std::string_view reason)
{
    auto out = begin_frame("goodbye", 40 + reason.size());
    out += R"(,"reason":)";
    put_string(out, reason);
    return end_frame(std::move(out));
}

std::string encode(const result& r)
{
    const auto body = json::serialize(r.output.has_value() ? *r.output : to_json(r.output.error()));
    auto out = begin_frame("result", body.size() + r.id.size() + 100);
    out += R"(,"id":)";
    put_string(out, r.id);
    out += r.output.has_value() ? R"(,"ok":true,"output":)" : R"(,"ok":false,"error":)";
    out += body;
    out += R"(,"attempts":)";
    put_number(out, r.attempts);
    out += R"(,"took_ms":)";
    put_number(out, r.took.count());
    return end_frame(std::move(out));
}

std::string encode_event(std::string_view event, const json::object& data)
{
    const auto body = json::serialize(data);
    auto out = begin_frame("event", body.size() + event.size() + 40);
    out += R"(,"event":)";
    put_string(out, event);
    out += R"(,"data":)";
    out += body;
    return end_frame(std::move(out));
}

std::string with_seq(std::string_view body, sequence seq)
{
    // After "type", which every frame of ours begins with and whose value holds no comma.
    const auto comma = std::min(body.find(','), body.size());
    std::string out;
    out.reserve(body.size() + 30);
    out += body.substr(0, comma);
    out += R"(,"seq":)";
    put_number(out, seq);
    out += body.substr(comma);
    return out;
}

} // namespace relay::protocol
