// Requests to one Exchange server as one account, over a few connections that live on the loop, behind one awaitable.
#pragma once

#include "agent/http/http.hpp"
#include "agent/http/settings.hpp"
#include "agent/http/trust.hpp"

#include <memory>

namespace spdlog {
class logger;
}

namespace relay::http {

struct usage {
    std::size_t in_flight = 0;    // requests that hold a connection
    std::size_t waiting = 0;      // requests that wait for one
    std::size_t streams = 0;      // requests with a connection of their own
    std::uint64_t opened = 0;     // connections opened so far
    std::uint64_t refused = 0;    // sign-ins refused by the server so far
    bool account_refused = false; // no request goes out until the credentials change or a probe succeeds
};

// What a client reads before its first request: on its own, or beforehand by whoever has to know that it is there.
struct groundwork {
    std::shared_ptr<const secret> password; // null where none is needed, or none was read yet
    authorities believed;                   // empty over http://, or where none were read yet
};
// Reads it anew. Blocks for as long as the password's source does; any thread.
boost::system::result<groundwork, failed> lay_groundwork(const client_settings& settings);

// Loop thread only. curl_global_init() comes before the first client, in main, and SIGPIPE is ignored: OpenSSL may write
// to a socket that the peer has closed. A client that goes away cancels what is under way; where a password is being read or a sign-in's token made, it waits for that. The io_context outlives it.
//
// What a 401 means: with refused_sign_in set, the server does not take our credentials (or did not a short while ago:
// then nothing was sent). Without it, a connection that was signed in is so no longer; the request was not carried out,
// and the next one signs in anew.
class client final : public transport {
public:
    // `time` and what `log` writes to outlive the client; `log` may be null. Settings that allow no request (a bad URL,
    // Basic over plaintext) show in every perform(), as a permanent failure.
    client(client_settings settings, time_source& time, std::shared_ptr<spdlog::logger> log = nullptr,
           groundwork first = {});
    ~client() override;

    // The limit of the request counts from when it got its connection; a stream has its own at once. Errors: see cause.hpp, operation_aborted by
    // value where the coroutine is cancelled, errc::bad_credentials_source.
    task<outcome> perform(request r) override;

    // A refusal of the password is forgotten, and the password is `fresh`; a null pointer: it is read again. (Where refusals are
    // kept, see client_settings::refusal_file, that of the same one is not forgotten.)
    void credentials_changed(std::shared_ptr<const secret> fresh = nullptr);
    // Whether password and authorities are the same as `fresh`.
    bool stands_on(const groundwork& fresh) const;

    // The machine slept, or its virtual machine stood still: no connection from before is trusted. What is under way fails
    // as where a connection is lost.
    void machine_slept();

    usage now() const;

private:
    class state;
    std::shared_ptr<state> state_; // shared with the coroutines under way
};

} // namespace relay::http
