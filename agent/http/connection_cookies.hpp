// The cookies of one connection: by them a balancer keeps a client on one server, without which the steps of one sign-in go
// to different ones.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relay::http {

// A value. What the server set on a connection goes back on that connection alone and ends with it: nothing is stored, and
// nothing goes to another host. Bounded.
class connection_cookies {
public:
    // The value of a Set-Cookie header that came with an answer to a request for `path`. What is not for that path, is
    // malformed or too large is left alone; so is the cookie by which Exchange ties streams to a mailbox server, which its
    // requests bring themselves.
    void take(std::string_view set_cookie, std::string_view path);
    // The value of the Cookie header: `own` of the request first, and what the server set beside it.
    std::string with(std::string_view own) const;
    void clear() noexcept { cookies_.clear(); }

private:
    std::vector<std::pair<std::string, std::string>> cookies_;
};

} // namespace relay::http
