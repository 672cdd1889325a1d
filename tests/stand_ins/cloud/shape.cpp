#include "tests/stand_ins/cloud/shape.hpp"

#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/cloud/vocabulary.hpp"

namespace relay::cloud_sim {

const json::value* shape::find(std::string_view name)
{
    const auto* value = object_.if_contains(name);
    if (!value)
        fail(name, "is missing");
    return value;
}

std::optional<std::string_view> shape::text(std::string_view name)
{
    const auto* value = find(name);
    if (!value)
        return std::nullopt;
    if (!value->is_string()) {
        fail(name, "is no string");
        return std::nullopt;
    }
    return std::string_view(value->get_string());
}

std::optional<std::string_view> shape::filled(std::string_view name)
{
    auto value = text(name);
    if (value && value->empty()) {
        fail(name, "is empty");
        return std::nullopt;
    }
    return value;
}

std::optional<std::string_view> shape::id(std::string_view name, std::size_t longest)
{
    const auto value = text(name);
    if (!value)
        return std::nullopt;
    if (is_id(*value, longest))
        return value;
    fail(name, "is no id");
    return std::nullopt;
}

std::optional<std::int64_t> shape::number(std::string_view name, std::int64_t least)
{
    const auto* value = find(name);
    if (!value)
        return std::nullopt;
    const auto* whole = value->if_int64();
    if (!whole || *whole < least) {
        fail(name, "is no whole number of " + std::to_string(least) + " and up");
        return std::nullopt;
    }
    return *whole;
}

std::optional<bool> shape::boolean(std::string_view name)
{
    const auto* value = find(name);
    if (!value)
        return std::nullopt;
    if (!value->is_bool()) {
        fail(name, "is neither true nor false");
        return std::nullopt;
    }
    return value->get_bool();
}

const json::object* shape::object(std::string_view name)
{
    const auto* value = find(name);
    if (value && !value->is_object())
        fail(name, "is no object");
    return value ? value->if_object() : nullptr;
}

const json::array* shape::array(std::string_view name)
{
    const auto* value = find(name);
    if (value && !value->is_array())
        fail(name, "is no array");
    return value ? value->if_array() : nullptr;
}

std::optional<std::int64_t> shape::utc(std::string_view name)
{
    const auto value = text(name);
    if (!value)
        return std::nullopt;
    const auto time = parse_rfc3339(*value);
    if (!time) {
        fail(name, "is no RFC 3339 time");
        return std::nullopt;
    }
    if (value->back() != 'Z')
        fail(name, "is not in UTC with Z");
    return time->time_since_epoch().count();
}

std::optional<std::string_view> shape::optional_text(std::string_view name)
{
    return has(name) ? text(name) : std::nullopt;
}

void shape::absent(std::string_view name, std::string_view why)
{
    if (has(name))
        fail(name, why);
}

void shape::fail(std::string_view name, std::string_view what)
{
    found_.push_back({std::string(rule_), where_ + std::string(name) + ' ' + std::string(what)});
}

shape shape::inside(const json::object& child, std::string_view name) const
{
    return shape(child, rule_, where_ + std::string(name) + '.', found_);
}

} // namespace relay::cloud_sim
