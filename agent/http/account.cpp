#include "agent/http/account.hpp"

#include "agent/http/cause.hpp"
#include "common/secret/flaw.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

namespace relay::http {
namespace {

constexpr duration disk_limit = 10s; // for one small file

} // namespace

account::account(const client_settings& settings, const endpoint& server,
                 blocking_executor& blocking_executor, std::shared_ptr<spdlog::logger> log)
    : settings_(settings),
      server_(server),
      blocking_(blocking_executor),
      log_(std::move(log)),
      credentials_(settings.password),
      record_(settings.refusal_file)
{
}

// What a record is of: whoever changes any of this tries something new.
secret account::fingerprinted(const secret& password) const
{
    std::string all = fmt::format("{}\n{}\n{}\n{}\n", settings_.url, static_cast<int>(settings_.auth),
                                  static_cast<int>(settings_.channel_binding), settings_.username);
    all += password.reveal();
    return secret::take(all);
}

task<account::recollection> account::recall_refusal(steady_time deadline)
{
    if (!record_.kept())
        co_return recollection{true, std::nullopt};
    auto work = [this]() -> recollection {
        if (!record_.exists())
            return {true, std::nullopt};
        const auto password = credentials_.get();
        if (password.has_error())
            return {};
        return {true, record_.recall(fingerprinted(**password))};
    };
    const auto found = co_await blocking_.run(std::move(work), deadline);
    if (found.has_error())
        co_return recollection{};
    may_be_recorded_ = found->since.has_value();
    co_return *found;
}

task<void> account::note_refusal(utc_time now)
{
    const auto password = credentials_.known();
    if (!record_.kept() || !password)
        co_return;
    may_be_recorded_ = true;
    auto work = [this, password, now] { return record_.note(fingerprinted(*password), now); };
    const auto noted = co_await blocking_.run(std::move(work), std::chrono::steady_clock::now() + disk_limit);
    if (log_ && noted.has_value() && *noted)
        log_->warn("that Exchange refuses the service account cannot be kept in {}: {}; a restart tries the "
                   "credentials once more",
                   settings_.refusal_file.string(), noted->message());
}

task<void> account::forget_refusal()
{
    if (!may_be_recorded_)
        co_return;
    auto work = [this] { return record_.clear(); };
    const auto cleared =
        co_await blocking_.run(std::move(work), std::chrono::steady_clock::now() + disk_limit);
    may_be_recorded_ = cleared.has_error() || *cleared;
}

void account::credentials_changed(signin::credentials::password fresh)
{
    credentials_.use(std::move(fresh));
    worked_ = bound::unknown;
}

task<void> account::carry_out(signed_connection& c, job& j)
{
    j.needs_sign_in = j.turned_back = false;
    j.verdict = signin::verdict::unknown;
    return settings_.auth == auth_scheme::basic ? basic(c, j) : per_connection(c, j);
}

// The password, read where that was not done yet. Null where there is none: `j` has failed.
task<signin::credentials::password> account::first_password(job& j)
{
    if (auto known = credentials_.known())
        co_return known;
    auto work = [this] { return credentials_.get(); };
    auto read = co_await blocking_.run(std::move(work), j.deadline);
    const auto ec = read.has_error() ? read.error() : read->has_error() ? read->error() : error_code();
    if (!ec)
        co_return std::move(**read);
    j.result = read.has_error() && ec == asio::error::operation_aborted
                   ? failed{ec, reached::nothing, "cancelled"}
                   : failed{errc::bad_credentials_source, reached::nothing, trouble_with("the password", ec)};
    co_return nullptr;
}

// For a probe the password is read anew: it may have been changed meanwhile, and to try the old one first would be a
// refusal more. With another one it is no probe any more.
task<signin::credentials::password> account::password_now(job& j)
{
    const auto before = credentials_.known();
    if (j.probe)
        credentials_.forget();
    auto password = co_await first_password(j);
    if (password && before && !(*password == *before))
        j.probe = false;
    co_return password;
}

// Perhaps the password was changed, and the new one already lies where we read it. Null where it does not.
task<signin::credentials::password> account::other_password(job& j, signin::credentials::password refused)
{
    auto work = [this, refused] { return credentials_.other_than(refused); };
    auto read = co_await blocking_.run(std::move(work), j.deadline);
    co_return read.has_value() && read->has_value() ? std::move(**read) : nullptr;
}

// True where our credentials must not leave now.
bool account::turned_back(job& j)
{
    j.turned_back = !j.may_start();
    if (j.turned_back)
        j.verdict = signin::verdict::unknown;
    return j.turned_back;
}

task<connection::result> account::send(signed_connection& c, connection::order o)
{
    auto result = co_await c.wire.exchange(o);
    if (log_ && log_->should_log(spdlog::level::trace)) {
        const auto t = c.wire.last();
        log_->trace("{}: {} after {} us (name {}, connected {}, TLS {}, first byte {})", server_.name,
                    result.outcome.has_value() ? fmt::format("status {}", result.outcome->status)
                                               : result.outcome.error().code.message(),
                    t.all.count(), t.name.count(), t.connected.count(), t.tls.count(), t.first_byte.count());
    }
    co_return result;
}

// Notes what the answer in `j` says about the credentials it was sent with.
void account::conclude(job& j)
{
    if (!j.result.has_value())
        return;
    j.verdict = verdict_of(j.result->status);
    if (j.verdict == signin::verdict::refused) {
        ++refused_;
        j.on_refused();
        j.result->refused_sign_in = true;
    }
}

// Shows the credentials with an empty request: IIS looks at them before anybody looks for a body, so that whoever waits to
// know whether they are good waits for one round trip, and not for what `j` asks of Exchange. A verdict that is unknown
// by the status is left to the request itself.
task<void> account::prove(signed_connection& c, job& j, const secret& header)
{
    const connection::order o{
        .what = j.what, .authorization = header.reveal(), .deadline = j.deadline, .on_status = &j.on_status};
    auto got = co_await send(c, o);
    j.shown |= may_have_arrived(got.outcome);
    j.result = std::move(got.outcome);
    if (j.result.has_error()) {
        auto why = j.result.error();
        why.how_far = reached::nothing; // of what was asked for
        j.result = std::move(why);
        co_return;
    }
    conclude(j);
}

task<void> account::basic(signed_connection& c, job& j)
{
    if (!j.may_sign_in) {
        j.needs_sign_in = true;
        co_return;
    }
    auto password = co_await password_now(j);
    for (bool again = false; password; again = true) {
        if (turned_back(j))
            co_return;
        const auto header = basic_authorization(settings_.username, *password);
        if (j.prove_first) {
            co_await prove(c, j, header);
            j.turned_back = j.verdict == signin::verdict::accepted;
            if (j.turned_back || j.result.has_error())
                co_return;
            if (j.verdict == signin::verdict::refused) {
                if (again)
                    co_return;
                password = co_await other_password(j, password);
                continue;
            }
        }
        const connection::order o{.what = j.what,
                                  .body = j.what.body,
                                  .authorization = header.reveal(),
                                  .deadline = j.deadline,
                                  .on_status = &j.on_status};
        auto got = co_await send(c, o);
        j.shown |= may_have_arrived(got.outcome);
        j.result = std::move(got.outcome);
        conclude(j);
        if (j.verdict != signin::verdict::refused || again)
            co_return;
        password = co_await other_password(j, password); // a 401 was not carried out
    }
}

} // namespace relay::http
