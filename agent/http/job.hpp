// One request on its way through a slot: handed over by the loop thread, carried out by the slot's, handed back.
#pragma once

#include "agent/http/http.hpp"
#include "agent/signin/sign_in_gate.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace relay::http {

// Whoever waits for a job.
class completion {
public:
    virtual ~completion() = default;
    virtual void post() = 0; // any thread, once
};

// Owned by the coroutine that awaits it. While it is handed over, the slot's thread has it alone, but for the atomics.
struct job {
    // In
    request what;
    steady_time deadline{};
    bool may_sign_in = false; // the gate let us through; Basic needs that always, NTLM and Negotiate for a new connection
    bool probe = false;       // after a refusal: everything that could help is tried
    signin::sign_in_gate::ticket ticket = 0; // with may_sign_in
    // Tells the loop, from the slot's thread, that the attempt `ticket` has a verdict before its answer is complete.
    const std::function<void(signin::sign_in_gate::ticket)>* verdict_known = nullptr;

    // Out
    http::outcome result = failed{asio::error::operation_aborted, reached::nothing, "cancelled"};
    bool needs_sign_in = false; // nothing was sent: come again with may_sign_in
    signin::verdict verdict = signin::verdict::unknown;

    // Between the threads
    std::atomic<bool> cancelled{false};
    std::atomic<bool> accepted{false}; // the server took the credentials, though its answer may still be on the way
    std::atomic<bool> watched{false};  // somebody waits for `accepted`: set it first, then look at `accepted`

    std::unique_ptr<completion> done;
};

} // namespace relay::http
