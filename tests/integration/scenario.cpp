#include "tests/integration/scenario.hpp"

#include <cstdlib>
#include <stdexcept>

namespace relay::test {

scenario::~scenario()
{
    try {
        if (cloud_process().running()) {
            const auto found = violations();
            INFO("agent's log:\n" << agent_log_tail());
            CHECK(json::serialize(found) == "[]");
        }
        // No sanitizer spoke up, and nothing that logs forgot what must not be seen.
        const auto log = agent_log();
        CHECK(log.find("Sanitizer") == log.npos);
        CHECK(log.find("s3cret") == log.npos);
        CHECK(log.find("runtime error:") == log.npos);
    } catch (const std::exception& e) {
        UNSCOPED_INFO(e.what());
        CHECK(false);
    }
}

json::value at(const json::value& v, std::string_view pointer)
{
    boost::system::error_code ec;
    const auto* found = v.find_pointer(pointer, ec);
    if (!found)
        throw std::runtime_error("no " + std::string(pointer) + " in " + json::serialize(v));
    return *found;
}

std::string text_at(const json::value& v, std::string_view pointer)
{
    const auto found = at(v, pointer);
    return found.is_string() ? std::string(found.get_string()) : json::serialize(found);
}

std::string described(const json::object& result)
{
    return result.at("ok").as_bool() ? "ok" : json::serialize(result.at("error"));
}

json::object fault(std::string_view operation, std::string_view when, std::string_view action,
                   json::object more, int count)
{
    more["operation"] = operation;
    more["when"] = when;
    more["action"] = action;
    more["count"] = count;
    return more;
}

std::map<std::string, std::string> preloaded(const std::string& library)
{
    const char* before = std::getenv("ASAN_OPTIONS");
    return {{"LD_PRELOAD", library},
            {"ASAN_OPTIONS", std::string(before ? before : "") + ":verify_asan_link_order=0"}};
}

} // namespace relay::test
