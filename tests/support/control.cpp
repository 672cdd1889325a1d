#include "tests/support/control.hpp"

#include <boost/json/serialize.hpp>

#include <stdexcept>

namespace relay::test {

json::value control::call(std::string_view method, std::string_view target, const json::value& body)
{
    auto reply = client_.call(method, target, body);
    const auto name = std::string(method) + " " + std::string(target);
    if (reply.has_error())
        throw std::runtime_error(name + ": " + reply.error().message());
    if (reply->status / 100 != 2)
        throw std::runtime_error(name + ": " + std::to_string(reply->status) + " " +
                                 json::serialize(reply->body));
    return std::move(reply->body);
}

} // namespace relay::test
