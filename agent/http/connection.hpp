// One connection to the server and the requests that go over it, one at a time.
#pragma once

#include "agent/http/address_memory.hpp"
#include "agent/http/connection_cookies.hpp"
#include "agent/http/curl_driver.hpp"
#include "agent/http/endpoint.hpp"
#include "agent/http/http.hpp"
#include "agent/http/settings.hpp"
#include "agent/http/trust.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace relay::http {

inline constexpr std::size_t max_headers = 100; // further ones are dropped

// How long after its start an exchange had come so far; zero for what it did not need or reach.
struct phases {
    std::chrono::microseconds name, connected, tls, first_byte, all;
};

// Loop thread only.
class connection {
public:
    // All of them outlive the connection. `server.tls` false: `who` is not looked at. `memory`: of the server's addresses, for
    // all connections to it. `time`: of request::not_after.
    connection(const asio::any_io_executor& executor, const endpoint& server, trust& who,
               address_memory& memory, const connection_limits& limits, const std::string& user_agent,
               const time_source& time);
    ~connection(); // no exchange is under way
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // Which connection a request may take.
    enum class route {
        any,     // the live one if it is quiet, else a new one
        new_one, // the live one is closed first
        same, // only the one of the last exchange; `moved` in the result where it is gone or not quiet, and nothing was sent
    };

    struct order {
        const request& what;
        std::string_view body{};          // of `what`, or nothing for a step of a sign-in
        std::string_view authorization{}; // the header's value; empty: none
        steady_time deadline;
        route by = route::any;
        const std::function<void(int)>* on_status =
            nullptr; // told the status before the body is here; resumes nobody
    };
    struct result {
        http::outcome outcome;
        bool moved = false;
    };

    // Sends one POST and waits for the whole answer; operation_aborted by value where the coroutine is cancelled. What
    // `o` refers to outlives the call. Nothing is ever sent twice: see connection.cpp.
    task<result> exchange(order o);

    // Ends the exchange that is under way, with operation_aborted, and all that follow.
    void cancel() noexcept { driver_.cancel(); }

    // Ends the exchange that is under way, if any, as one whose connection was lost.
    void cut() noexcept { driver_.cut(); }

    // True where the connection is open and quiet, so that a request with route::same is likely to find it.
    bool open() const { return driver_.quiet(); }

    // The certificate of the newest TLS handshake.
    const presented& peer() const noexcept { return peer_; }
    // Of the last exchange.
    phases last() const;
    // How many connections were opened in all.
    std::uint64_t opened() const noexcept { return driver_.opened(); }

private:
    struct transfer;
    struct callbacks;
    struct clearing;

    void configure();
    bool too_late(const request& what) const;
    failed came_too_late() const;
    task<std::optional<int>> carry_out(const transfer& t);
    void learn(const transfer& t, http::outcome& ended);
    void expect_stream(bool so);
    http::outcome finish(transfer& t, std::optional<int> code);
    bool unread(const transfer& t) const;
    failed why(const transfer& t, int code);
    std::optional<failed> refused_by_tls(std::string_view detail);
    failed timed_out(const transfer& t);

    const endpoint& server_;
    trust& trust_;
    address_memory& memory_;
    const connection_limits& limits_;
    const time_source& time_;
    curl_driver driver_;
    void* easy_ = nullptr; // CURL
    char error_text_[256] = {};
    presented peer_;
    connection_cookies cookies_;
    std::uint64_t opened_then_ = 0; // at the end of the last exchange
    transfer* running_ = nullptr;
};

} // namespace relay::http
