// HTTPS requests to Exchange: libcurl on the loop behind one awaitable call.
#pragma once

#include "common/async/async.hpp"

#include <boost/system/system_error.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relay::http {

// Takes the answer to a request as it comes.
class body_sink {
public:
    virtual ~body_sink() = default;
    // The next bytes of a 200, on the loop thread and from within the transport: takes notes and resumes nobody. False:
    // that is more than it can hold, and the request fails with cause::answer_too_large.
    virtual bool take(std::string_view piece) noexcept = 0;
};

// Makes the request a stream: a connection of its own, which does not count against client_settings::max_connections, and
// an answer without an end in sight that goes to `to` in place of response::body.
struct streaming {
    body_sink* to = nullptr;                    // outlives the request
    duration silence = std::chrono::minutes(2); // no byte for so long: the request fails
};

struct response;

// The header by which an answer names its request. Exchange sends it back where `return-client-request-id` asks for it.
inline constexpr const char* request_id_header = "client-request-id";

struct request {
    std::string body; // POST
    std::vector<std::pair<std::string, std::string>>
        headers;                               // beside Content-Type, which is text/xml; charset=utf-8
    duration limit = std::chrono::seconds(30); // the whole request, from start to last byte
    std::optional<http::streaming> streaming{};
    // From then on, by the client's time source, no byte of the body may leave: the request fails with cause::too_late, and
    // nothing was sent.
    std::optional<steady_time> not_after{};
    // Whether an answer can be one to this request. If it says no, the answer is handed over all the same, but the
    // connection is not used again. Empty: every answer can.
    std::function<bool(const response&)> fits{};
};

// Where a request failed decides whether Exchange may have carried it out.
enum class reached {
    nothing, // no byte of the request can have been processed: no connection, TLS or sign-in failed
    sent,    // request bytes left: the outcome is unknown
};

struct failed {
    error_code code; // what (failure::… tells what to do)
    reached how_far = reached::nothing;
    std::string
        message; // one sentence with host, port and cause; names subject and issuer where a certificate failed
};

struct response {
    int status = 0;
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> headers; // names in lower case, at most 100 of them
    std::string body;                                         // at most client_settings::max_body_bytes
    bool refused_sign_in = false;                             // 401 although we signed in with what we have
    std::string
        spread_over; // with it: the servers ("EX01, EX02") that the steps of the sign-in went to, where they are several
};

using outcome = boost::system::result<response, failed>;

// What outcome::value() throws on a failure: reaching it is a bug in the caller.
[[noreturn]] inline void throw_exception_from_error(const failed& f, const boost::source_location&)
{
    throw boost::system::system_error(f.code, f.message);
}

// Sends requests to one server as one account. Implemented by client (client.hpp) and by tests.
class transport {
public:
    virtual ~transport() = default;
    // Loop thread only. Waits for a free connection (first come, first served); cancelling the coroutine ends the
    // request and completes with operation_aborted.
    virtual task<outcome> perform(request r) = 0;
};

} // namespace relay::http
