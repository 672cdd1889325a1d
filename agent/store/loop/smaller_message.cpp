#include "agent/store/loop/smaller_message.hpp"

#include "agent/protocol/codec.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relay::store {
namespace {

namespace json = boost::json;

// Empty where it is no JSON object, which a body of ours always is.
json::object parsed(std::string_view body)
{
    json::error_code ec;
    auto v = json::parse({body.data(), body.size()}, ec, {}, {.max_depth = 256});
    if (ec || !v.is_object())
        return {};
    return std::move(v.get_object());
}

std::int64_t number(const json::object& o, std::string_view key)
{
    const auto* found = o.if_contains({key.data(), key.size()});
    const auto* n = found ? found->if_int64() : nullptr;
    return n ? *n : 0;
}

std::string text(const json::object& o, std::string_view key)
{
    const auto* found = o.if_contains({key.data(), key.size()});
    const auto* s = found ? found->if_string() : nullptr;
    return s ? std::string(*s) : std::string();
}

std::string with_outcome(const json::object& o, const protocol::fault& f)
{
    protocol::result r{text(o, "id"), f, static_cast<int>(number(o, "attempts")),
                       milliseconds(number(o, "took_ms"))};
    auto body = protocol::encode(r);
    const auto seq = number(o, "seq");
    return seq > 0 ? protocol::with_seq(body, seq) : body;
}

} // namespace

std::string with_outcome(std::string_view body, const protocol::fault& f)
{
    return with_outcome(parsed(body), f);
}

std::string made_small(std::string_view body, std::size_t limit)
{
    const protocol::fault f{
        protocol::fault_code::result_too_large,
        fmt::format("the result is over the {} bytes that the cloud takes: ask for less at once", limit),
        {}};
    auto o = parsed(body);
    auto* data = o.if_contains("data");
    if (text(o, "type") != "event" || !data || !data->is_object())
        return with_outcome(o, f);
    for (const auto* long_part : {"busy", "responses"})
        data->get_object().erase(long_part);
    data->get_object()["error"] = protocol::to_json(f);
    return json::serialize(o);
}

} // namespace relay::store
