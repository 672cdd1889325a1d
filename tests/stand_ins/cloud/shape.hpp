// Looks at the fields of one JSON object and writes down what is missing or of the wrong kind.
#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cloud_sim {

namespace json = boost::json;

// One thing the agent did against PROTOCOL.md. `rule` is a short fixed name, to be counted and looked for.
struct finding {
    std::string rule;
    std::string message;
};
using findings = std::vector<finding>;

// All findings go under one rule; `where` is put before field names ("output.server.").
class shape {
public:
    shape(const json::object& object, std::string_view rule, std::string where, findings& found)
        : object_(object),
          rule_(rule),
          where_(std::move(where)),
          found_(found)
    {
    }

    // The field's value; nothing, and a finding, where it is absent or of another kind.
    std::optional<std::string_view> text(std::string_view name);
    std::optional<std::string_view> filled(std::string_view name); // not empty either
    std::optional<std::string_view> id(std::string_view name, std::size_t longest);
    std::optional<std::int64_t> number(std::string_view name, std::int64_t least);
    std::optional<bool> boolean(std::string_view name);
    const json::object* object(std::string_view name);
    const json::array* array(std::string_view name);
    // A time in UTC with 'Z', in milliseconds since 1970.
    std::optional<std::int64_t> utc(std::string_view name);

    // As text(), but absent is fine.
    std::optional<std::string_view> optional_text(std::string_view name);
    bool has(std::string_view name) const { return object_.if_contains(name) != nullptr; }
    void absent(std::string_view name, std::string_view why);
    void fail(std::string_view name, std::string_view what);

    // The shape of an object inside this one.
    shape inside(const json::object& child, std::string_view name) const;

private:
    const json::value* find(std::string_view name);

    const json::object& object_;
    std::string_view rule_;
    std::string where_;
    findings& found_;
};

} // namespace relay::cloud_sim
