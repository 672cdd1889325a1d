// One request on its way through a connection.
#pragma once

#include "agent/http/http.hpp"
#include "agent/signin/sign_in_gate.hpp"

#include <functional>

namespace relay::http {

// Owned by the coroutine that awaits it.
struct job {
    // In
    request what;
    steady_time deadline{};
    bool may_sign_in =
        false; // the gate let us through; Basic needs that always, NTLM and Negotiate for a new connection
    bool prove_first = false; // nobody knows whether our credentials are good, and others wait to know
    bool probe = false;       // after a refusal: everything that could help is tried
    signin::sign_in_gate::ticket ticket = 0; // with may_sign_in
    std::function<void(int status)>
        on_status; // the status of an answer to our credentials, before its body is here

    // Our credentials are about to leave; false: they must not, and the job is turned_back.
    std::function<bool()> may_start = [] { return true; };
    // They were refused.
    std::function<void()> on_refused = [] {};

    // Out
    http::outcome result = failed{asio::error::operation_aborted, reached::nothing, "cancelled"};
    bool needs_sign_in = false; // nothing was sent: come again with may_sign_in
    // The same, as others' credentials were refused or are being tried, or as ours are proven now: pass the gate again.
    bool turned_back = false;
    // Our credentials, or what proves that we know them, may have come to the server or the directory.
    bool shown = false;
    signin::verdict verdict = signin::verdict::unknown;
};

// Whether an answer shows that the server took our credentials. A gateway's 502, 503 or 504 may come from before anybody
// looked at them.
inline signin::verdict verdict_of(int status)
{
    if (status == 401)
        return signin::verdict::refused;
    return status > 500 ? signin::verdict::unknown : signin::verdict::accepted;
}

// Whether the server may have read what was sent.
inline bool may_have_arrived(const outcome& o)
{
    return o.has_value() || o.error().how_far == reached::sent;
}

} // namespace relay::http
