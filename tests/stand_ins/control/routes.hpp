// Which handler answers a request of a control interface: methods and path patterns, with no sockets in sight.
#pragma once

#include "common/async/async.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace relay::stand_in {

namespace json = boost::json;

struct control_request {
    using parameters = std::map<std::string, std::string, std::less<>>;

    std::string method;                // upper case
    std::string path;                  // as sent, percent-encoded, without the query
    parameters path_parameters, query; // percent-decoded
    json::value body;                  // null where there was none

    // The value of a placeholder of the route; it must be one.
    const std::string& parameter(std::string_view name) const;
    // A query parameter as a whole number of 0 and up, `otherwise` where it is absent. Throws control_error 400.
    std::int64_t number(std::string_view name, std::int64_t otherwise) const;
};

struct control_reply {
    int status = 200;
    json::value body; // null: an empty answer
};

// A handler throws it to answer {"error": what} with `status`.
class control_error : public std::runtime_error {
public:
    control_error(int status, const std::string& what) : std::runtime_error(what), status_(status) {}
    int status() const noexcept { return status_; }

private:
    int status_;
};

// Patterns are paths with placeholders for whole segments: "/mailboxes/{email}/items". Routes added first win.
class routes {
public:
    using handler = std::function<control_reply(const control_request&)>;
    using waiting_handler = std::function<task<control_reply>(control_request)>;

    void on(std::string_view method, std::string_view pattern, handler h);
    // For handlers that wait; bound every wait, the connection waits with it.
    void on_waiting(std::string_view method, std::string_view pattern, waiting_handler h);

    // Answers `method` `target` (path and query, as on the request line). What the handler throws becomes an answer:
    // control_error its status, a JSON value of the wrong kind or a missing key 400, anything else 500. A cancel passes.
    task<control_reply> answer(std::string method, std::string target, std::string body) const;

private:
    struct route {
        std::string method;
        std::vector<std::string> segments; // "{name}" for a placeholder
        handler direct;
        waiting_handler waiting;
    };
    const route* find(control_request& request, int& failure_status) const;

    std::vector<route> routes_;
};

// "%40" and the like; nothing where an escape is broken. '+' stays as it is.
std::optional<std::string> percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);

} // namespace relay::stand_in
