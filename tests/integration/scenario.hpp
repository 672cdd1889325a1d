// What every scenario ends with: the agent kept the protocol, and stops in order.
#pragma once

#include "tests/support/relay_world.hpp"

#include <catch2/catch.hpp>

#include <boost/json/serialize.hpp>

namespace relay::test {

inline constexpr std::string_view host = "host@corp.example";

// A world whose verdict is asked for at the end of the test case, also where that fails.
class scenario : public relay_world {
public:
    explicit scenario(world_options options = {}) : relay_world(std::move(options)) {}
    ~scenario();
};

// A copy of what `pointer` names. Where there is no such thing the test fails with the whole value in its message.
json::value at(const json::value& v, std::string_view pointer);
std::string text_at(const json::value& v, std::string_view pointer);

// "code: message" of a failed result, "ok" else: for messages of failed checks.
std::string described(const json::object& result);

// A fault for exchange-sim's plan; `count` 0 is for ever.
json::object fault(std::string_view operation, std::string_view when, std::string_view action,
                   json::object more = {}, int count = 1);

// The environment that has a program of ours load `library` first, under sanitizers too.
std::map<std::string, std::string> preloaded(const std::string& library);

} // namespace relay::test
