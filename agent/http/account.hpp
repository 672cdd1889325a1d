// How requests are made in the service account's name: what to put into the Authorization header, and when to sign a
// connection in.
#pragma once

#include "agent/http/blocking_executor.hpp"
#include "agent/http/connection.hpp"
#include "agent/http/job.hpp"
#include "agent/http/settings.hpp"
#include "agent/signin/credentials.hpp"
#include "agent/signin/negotiator.hpp"
#include "agent/signin/refusal_record.hpp"

namespace spdlog {
class logger;
}

namespace relay::http {

// A connection and what is known of its sign-in.
struct signed_connection {
    template <class... Args>
    explicit signed_connection(const asio::any_io_executor& e, Args&&... args)
        : executor(e),
          wire(e, std::forward<Args>(args)...)
    {
    }
    asio::any_io_executor executor;
    connection wire;
    bool signed_in = false;      // NTLM, Negotiate: requests on this very connection need no header
    bool used_signed_in = false; // a request without a header went through since
    // Sign-ins in a row after which the very next request was refused: a server that wants one with every request.
    int bounced = 0;
};

// One for all connections of a client. Loop thread only.
class account {
public:
    // All of them outlive the account.
    account(const client_settings& settings, const endpoint& server, blocking_executor& blocking_executor,
            std::shared_ptr<spdlog::logger> log);

    // Does what `j` asks for, over `c`; everything under "Out" in `j` is set. Throws operation_aborted where the coroutine
    // is cancelled between two exchanges, of which the first was then refused.
    task<void> carry_out(signed_connection& c, job& j);

    // What a refusal before the last start, or the last change of the credentials, says about them as they are now.
    struct recollection {
        bool certain = false;          // false: the password could not be read, and nothing is known
        std::optional<utc_time> since; // when they were refused last
    };
    task<recollection> recall_refusal(steady_time deadline);
    // Keeps durably that the credentials in use were refused, or are about to be tried although they were.
    task<void> note_refusal(utc_time now);
    // They are good: whatever was kept is gone.
    task<void> forget_refusal();

    // What was learnt of channel binding is forgotten, and the password is `fresh`; a null pointer: it is read again before
    // the next sign-in.
    void credentials_changed(signin::credentials::password fresh);
    // As it was read last, null where it was not.
    signin::credentials::password password() const { return credentials_.known(); }

    // Sign-ins that the server refused.
    std::uint64_t refused() const noexcept { return refused_; }

private:
    enum class bound { unknown, with, without }; // how the last sign-in that worked was done

    task<void> basic(signed_connection& c, job& j);
    task<void> prove(signed_connection& c, job& j, const secret& header);
    task<void> per_connection(signed_connection& c, job& j);
    task<void> sign_in(signed_connection& c, job& j);
    task<signin::verdict> try_both_ways(signed_connection& c, job& j, const secret& password);
    task<void> handshake(signed_connection& c, job& j, const secret& password, bool with_binding);
    task<boost::system::result<signin::token, failed>>
    next_token(job& j, std::shared_ptr<signin::negotiator> negotiator, std::string from_server,
               std::string binding);
    bool still_at_sign_in(job& j);
    task<signin::credentials::password> first_password(job& j);
    task<signin::credentials::password> password_now(job& j);
    task<signin::credentials::password> other_password(job& j, signin::credentials::password refused);
    task<connection::result> send(signed_connection& c, connection::order o);
    secret fingerprinted(const secret& password) const;
    void conclude(job& j);
    static bool turned_back(job& j);

    const client_settings& settings_;
    const endpoint& server_;
    blocking_executor& blocking_;
    std::shared_ptr<spdlog::logger> log_; // shared with its maker; may be null
    signin::credentials credentials_;
    signin::refusal_record record_;
    bool may_be_recorded_ = false; // a refusal of them lies on the disk, or is about to
    bound worked_ = bound::unknown;
    unsigned probes_ = 0; // of the refused account, since it worked last
    std::uint64_t refused_ = 0;
};

} // namespace relay::http
