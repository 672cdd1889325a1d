// A stand-in's control interface as a test uses it: any answer but a 2xx is an exception.
#pragma once

#include "tests/stand_ins/control/control_client.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace relay::test {

namespace json = boost::json;

// Not for use from several threads.
class control {
public:
    explicit control(std::string url) : url_(std::move(url)), client_(url_) {}

    // Throw std::runtime_error that names the call, the status and the answer.
    json::value get(std::string_view target) { return call("GET", target, nullptr); }
    json::value post(std::string_view target, const json::value& body = json::object())
    {
        return call("POST", target, body);
    }
    json::value put(std::string_view target, const json::value& body) { return call("PUT", target, body); }
    json::value patch(std::string_view target, const json::value& body)
    {
        return call("PATCH", target, body);
    }
    json::value remove(std::string_view target) { return call("DELETE", target, nullptr); }
    json::value call(std::string_view method, std::string_view target, const json::value& body);

    const std::string& url() const noexcept { return url_; }

private:
    std::string url_;
    stand_in::control_client client_;
};

} // namespace relay::test
