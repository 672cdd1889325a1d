#include "agent/http/account.hpp"

#include "agent/http/cause.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

namespace relay::http {
namespace {

// Whether an answer shows that the server took our credentials. A gateway's 502, 503 or 504 may come from before anybody
// looked at them.
signin::verdict verdict_of(int status)
{
    if (status == 401)
        return signin::verdict::refused;
    return status > 500 ? signin::verdict::unknown : signin::verdict::accepted;
}

signin::secret basic_header(std::string_view username, const signin::secret& password)
{
    std::string plain = fmt::format("{}:{}", username, password.reveal());
    std::string coded = to_base64(plain);
    signin::wipe(plain);
    std::string header = "Basic " + coded;
    signin::wipe(coded);
    return signin::secret::take(header);
}

} // namespace

account::account(const client_settings& settings, const endpoint& server, std::shared_ptr<spdlog::logger> log)
    : settings_(settings), server_(server), log_(std::move(log)), credentials_(settings.password)
{
}

account::~account() = default;

void account::credentials_changed()
{
    credentials_.forget();
    worked_ = bound::unknown;
}

void account::carry_out(signed_connection& c, job& j)
{
    j.needs_sign_in = false;
    j.verdict = signin::verdict::unknown;
    try {
        if (settings_.auth == auth_scheme::basic)
            basic(c, j);
        else
            per_connection(c, j);
    } catch (const std::exception& e) {
        j.result = failed{cause::bad_settings, reached::sent, fmt::format("a fault in the transport: {}", e.what())};
    }
}

connection::order account::order(job& j, std::string_view body, std::string_view authorization, connection::route by)
{
    return {.what = j.what, .body = body, .authorization = authorization, .deadline = j.deadline, .by = by,
            .cancelled = j.cancelled};
}

connection::result account::send(signed_connection& c, const connection::order& o)
{
    auto result = c.wire.exchange(o);
    if (log_ && log_->should_log(spdlog::level::debug)) {
        const auto t = c.wire.last();
        log_->debug("{}: {} after {} us (name {}, connected {}, TLS {}, first byte {})", server_.name,
                    result.outcome.has_value() ? fmt::format("status {}", result.outcome->status)
                                               : result.outcome.error().code.message(),
                    t.all.count(), t.name.count(), t.connected.count(), t.tls.count(), t.first_byte.count());
    }
    return result;
}

// Notes what the answer in `j` says about the credentials it was sent with.
void account::conclude(job& j)
{
    if (!j.result.has_value())
        return;
    j.verdict = verdict_of(j.result->status);
    if (j.verdict == signin::verdict::refused) {
        ++refused_;
        j.result->refused_sign_in = true;
    }
}

// Called when the status of an answer to our credentials is here: others may be waiting for just that.
void account::look_at_status(void* which, int status)
{
    auto& j = *static_cast<job*>(which);
    if (verdict_of(status) != signin::verdict::accepted)
        return;
    j.accepted = true;
    if (j.watched && j.verdict_known)
        (*j.verdict_known)(j.ticket);
}

void account::basic(signed_connection& c, job& j)
{
    if (!j.may_sign_in) {
        j.needs_sign_in = true;
        return;
    }
    auto password = credentials_.get();
    for (bool again = false;; again = true) {
        if (!password.has_value()) {
            j.result = failed{errc::bad_credentials_source, reached::nothing,
                              "the password cannot be read: " + password.error().message()};
            return;
        }
        const auto header = basic_header(settings_.username, **password);
        auto o = order(j, j.what.body, header.reveal(), connection::route::any);
        o.on_status = &account::look_at_status;
        o.on_status_argument = &j;
        j.result = send(c, o).outcome;
        conclude(j);
        if (j.verdict != signin::verdict::refused || again)
            return;
        // Perhaps the password was changed and the new one already lies where we read it. A 401 was not carried out.
        auto other = credentials_.other_than(*password);
        if (!other.has_value() || !*other)
            return;
        password = std::move(other);
    }
}

} // namespace relay::http
