#include "agent/app/own_environment.hpp"

#include "common/text/text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace relay::app {

namespace json = boost::json;

std::string own_environment()
{
    json::object all;
    for (const auto& [name, value] : platform::own_variables())
        if (is_utf8(value))
            all[name] = value;
    return json::serialize(all);
}

std::optional<platform::variables> read_environment(std::string_view message)
{
    error_code ec;
    const auto read = json::parse(message, ec);
    if (ec || !read.is_object())
        return std::nullopt;
    platform::variables all;
    for (const auto& [name, value] : read.get_object())
        if (value.is_string())
            all.insert_or_assign(std::string(name), std::string(value.get_string()));
    return all;
}

} // namespace relay::app
