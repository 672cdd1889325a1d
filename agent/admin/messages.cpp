#include "agent/admin/messages.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace relay::admin {
namespace {

namespace json = boost::json;

result<json::object> read_object(std::string_view line)
{
    error_code ec;
    auto v = json::parse(line, ec, {}, {.max_depth = 4});
    if (ec || !v.is_object())
        return errc::protocol_violation;
    return std::move(v.get_object());
}

const json::string* text_of(const json::object& o, std::string_view key)
{
    const auto* v = o.if_contains(key);
    return v ? v->if_string() : nullptr;
}

} // namespace

std::string encode(const request& r)
{
    return json::serialize(json::object{{"what", r.what}, {"id", r.id}});
}

std::string encode(const answer& a)
{
    return json::serialize(json::object{{"ok", a.ok}, {"message", a.message}});
}

result<request> read_request(std::string_view line)
{
    const auto o = read_object(line);
    if (o.has_error())
        return o.error();
    const auto* what = text_of(*o, "what");
    const auto* id = text_of(*o, "id");
    if (!what || !id)
        return errc::protocol_violation;
    return request{std::string(*what), std::string(*id)};
}

result<answer> read_answer(std::string_view line)
{
    const auto o = read_object(line);
    if (o.has_error())
        return o.error();
    const auto* ok = o->if_contains("ok");
    const auto* message = text_of(*o, "message");
    if (!ok || !ok->is_bool() || !message)
        return errc::protocol_violation;
    return answer{ok->get_bool(), std::string(*message)};
}

std::filesystem::path socket_in(const std::filesystem::path& data_dir)
{
    return data_dir / "agent.sock";
}

} // namespace relay::admin
