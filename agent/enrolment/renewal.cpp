#include "agent/enrolment/renewal.hpp"

#include "agent/uplink/wording.hpp"
#include "common/log_event/log_event.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace relay::enrolment {
namespace {

using clock_length = utc_time::duration;

clock_length life(const tls::certificate_facts& c)
{
    return std::max(c.not_after - c.not_before, clock_length(1));
}

} // namespace

bool renewal_schedule::due(const tls::certificate_facts& c, utc_time now)
{
    return now >= c.not_after || c.not_after - now < life(c) / 3;
}

bool renewal_schedule::overdue(const tls::certificate_facts& c, utc_time now)
{
    return c.not_after - now < std::min<clock_length>(life(c) / 6, std::chrono::days(14));
}

duration renewal_schedule::spread(duration length)
{
    std::uniform_int_distribution<duration::rep> pick(length.count() / 20 * 19, length.count() / 20 * 21);
    return std::max<duration>(duration(pick(random_)), soonest);
}

duration renewal_schedule::after_rest(const tls::certificate_facts& c, utc_time now)
{
    const auto due_in = c.not_after - life(c) / 3 - now;
    if (due_in >= usual)
        return spread(usual);
    // Not spread downwards: a look just before it is due would find nothing to do.
    return std::max<duration>(due_in, duration::zero()) +
           spread(std::min<duration>(usual / 4, life(c) / 100));
}

duration renewal_schedule::after_unreached()
{
    return std::max(backoff_.next(), soonest);
}

duration renewal_schedule::after_refusal(const tls::certificate_facts& c)
{
    return spread(std::min<duration>(usual, life(c) / 24));
}

// What lies on the disk now.
struct renewal::found {
    tls::certificate_facts certificate;
    bool staged = false;
    config::enrolment_record record; // empty id where there is none
    std::string ca;                  // as pem_in(): what a CA of the cloud's would replace
};

renewal::renewal(const asio::any_io_executor& executor, parts p, in_use now, listener taken,
                 std::uint64_t seed)
    : parts_(std::move(p)),
      now_(std::move(now)),
      taken_(std::move(taken)),
      schedule_(seed),
      changed_(executor)
{
}

void renewal::use(in_use now)
{
    now_ = std::move(now);
    looking_again_ = true;
    changed_.notify();
}

task<void> renewal::run()
{
    using namespace asio::experimental::awaitable_operators;
    for (;;) {
        looking_again_ = false;
        const auto wait = co_await look();
        if (looking_again_)
            continue;
        const auto woken = co_await (parts_.time.sleep_for(wait) || changed_.wait());
        const auto ec = woken.index() == 0 ? std::get<0>(woken) : std::get<1>(woken);
        if (ec.failed())
            co_return;
    }
}

// One look, with what it leads to; how long to wait for the next.
task<duration> renewal::look()
{
    auto seen = co_await read();
    if (seen.has_error())
        co_return co_await trouble(nullptr, seen.error());
    const auto& f = **seen;
    if (f.staged) {
        // Granted, and never taken into use: we died before the trial, or the network did.
        auto works = co_await parts_.road.try_out(identity_files(now_.files).staged_credentials(now_.trust));
        if (works.has_value())
            works = co_await take(std::nullopt);
        if (works.has_value())
            co_return schedule_.after_refusal(f.certificate);
        if (works.error().what == fault::unreached)
            co_return co_await trouble(&f, works.error());
        disk_work drop = [](const identity_files& files) { return files.discard(); };
        const auto gone = co_await on_disk(std::move(drop));
        if (gone.has_error())
            co_return co_await trouble(&f, gone.error());
    }
    const auto now = parts_.time.utc_now();
    if (!renewal_schedule::due(f.certificate, now)) {
        told_.reset();
        told_expired_ = false;
        co_return schedule_.after_rest(f.certificate, now);
    }
    if (now >= f.certificate.not_after && !std::exchange(told_expired_, true))
        parts_.log.warn("the certificate {} ran out on {}; asking the cloud to renew it all the same",
                        f.certificate.subject, format_rfc3339(f.certificate.not_after));
    const auto renewed = co_await ask(f);
    if (renewed.has_error())
        co_return co_await trouble(&f, renewed.error());
    co_return schedule_.after_refusal(f.certificate);
}

task<outcome<std::shared_ptr<renewal::found>>> renewal::read()
{
    const auto f = std::make_shared<found>();
    disk_work work = [f](const identity_files& files) -> outcome<void> {
        if (auto well = files.recover(); well.has_error())
            return well;
        const auto& at = files.where();
        const auto facts = tls::read_certificate(at.certificate, at.key);
        if (facts.has_error())
            return failed{fault::local, facts.error().message};
        if (!facts->matches_key)
            return failed{fault::local, at.key.string() + " is not the key of the certificate in " +
                                            at.certificate.string()};
        f->certificate = *facts;
        f->staged = files.staged();
        f->record = config::read_enrolment_record(at.certificate).value_or(config::enrolment_record());
        f->ca = pem_in(at.ca);
        return {};
    };
    const auto done = co_await on_disk(std::move(work));
    if (done.has_error())
        co_return done.error();
    co_return f;
}

task<outcome<void>> renewal::ask(const found& f)
{
    auto made = make_key_request(now_.agent_id);
    if (made.has_error())
        co_return made.error();
    const auto key = std::make_shared<const key_request>(std::move(*made));
    auto body = boost::json::serialize(boost::json::object{{"csr", key->request}});
    const auto answer = co_await parts_.road.post_renewal(std::move(body));
    if (answer.has_error())
        co_return answer.error();
    const auto granted = read_answer(*answer, key->key, parts_.time.utc_now(), occasion::renewing);
    if (granted.has_error())
        co_return granted.error();
    if (granted->agent_id != now_.agent_id)
        co_return failed{fault::nonsense,
                         fmt::format("the cloud's answer cannot be used: it is for the agent {}, and "
                                     "this one is {}",
                                     granted->agent_id, now_.agent_id)};
    auto record = f.record;
    record.agent_id = granted->agent_id;
    const auto verdict = std::make_shared<ca_verdict>();
    disk_work write = [key, record, certificate = granted->certificate, offered = granted->ca, had = f.ca,
                       trust = now_.trust, verdict](const identity_files& files) mutable {
        std::optional<std::string> ca;
        if (!offered.empty())
            *verdict = judge_ca(offered, trust);
        if (!verdict->accepted.empty() && (verdict->accepted != had || trust.told_ca_file.empty())) {
            ca = verdict->accepted;
            record.ca_file = files.where().ca; // from now on it counts
        }
        return files.stage(identity{key->key, certificate, ca, record});
    };
    auto staged = co_await on_disk(std::move(write));
    if (staged.has_error())
        co_return staged.error();
    tell_refused(verdict->refused);
    auto works = co_await parts_.road.try_out(identity_files(now_.files).staged_credentials(now_.trust));
    if (works.has_error()) {
        disk_work drop = [](const identity_files& files) { return files.discard(); };
        if (works.error().what != fault::unreached) // else it is tried again before another one is asked for
            co_await on_disk(std::move(drop));
        co_return failed{works.error().what, "the new certificate does not work: " + works.error().message};
    }
    co_return co_await take(granted->certificate);
}

// Once for the same ones: each renewal offers them again.
void renewal::tell_refused(const std::vector<refused_ca>& refused)
{
    if (refused == std::exchange(told_refused_, refused))
        return;
    for (const auto& one : refused)
        parts_.log.warn(
            "the cloud offers a CA that nobody has signed who is trusted: {} (SHA-256 {}) is not trusted; if "
            "it "
            "is to be, put it into cloud.ca_file, or enrol again (workestra-relay enroll --force)",
            uplink::printable(one.subject), one.sha256);
    if (!refused.empty() && parts_.ca_refused)
        parts_.ca_refused(refused);
}

// The staged pair works: puts it in its places and has it used.
task<outcome<void>> renewal::take(std::optional<std::string> certificate)
{
    const auto facts = std::make_shared<tls::certificate_facts>();
    const auto told_ca = std::make_shared<std::filesystem::path>();
    disk_work work = [=](const identity_files& files) -> outcome<void> {
        if (auto moved = files.commit(certificate); moved.has_error())
            return moved;
        const auto& at = files.where();
        const auto read = tls::read_certificate(at.certificate, at.key);
        if (read.has_error())
            return failed{fault::local, read.error().message};
        *facts = *read;
        if (const auto told = config::read_enrolment_record(at.certificate))
            *told_ca = told->ca_file;
        return {};
    };
    const auto done = co_await on_disk(std::move(work));
    if (done.has_error())
        co_return done;
    schedule_.answered();
    told_.reset();
    told_expired_ = false;
    if (*told_ca == now_.files.ca) {
        now_.trust.told_ca_file = *told_ca;
        if (now_.trust.ca_file.empty())
            now_.trust.ca_file = *told_ca;
    }
    event::certificate_renewed.info(parts_.log,
                                    "the certificate is renewed: {}, valid until {}; connecting anew with it",
                                    facts->subject, format_rfc3339(facts->not_after));
    taken_(*facts, now_.trust);
    co_return outcome<void>();
}

task<outcome<void>> renewal::on_disk(disk_work work)
{
    // Owned by the work: it may go on where nobody waits for it any longer.
    const auto answer = std::make_shared<outcome<void>>();
    std::function<void()> all = [answer, work = std::move(work), files = identity_files(now_.files)] {
        *answer = work(files);
    };
    const auto ec = co_await parts_.disk(std::move(all));
    if (ec.failed())
        co_return failed{fault::local, "the disk with the certificate does not answer: " + ec.message()};
    co_return *answer;
}

// Told once a kind of trouble, until another kind or the end of it; how long to wait. (A coroutine, so that it is not begun
// where we are being cancelled: what failed then is no trouble.)
task<duration> renewal::trouble(const found* f, failed why)
{
    const bool news = told_ != why.what;
    told_ = why.what;
    const bool expired = f && parts_.time.utc_now() >= f->certificate.not_after;
    if (news) {
        const auto level = why.what == fault::unreached ? spdlog::level::warn : spdlog::level::err;
        const auto left = !f ? std::string()
                             : fmt::format(" ({} {})", expired ? "it ran out on" : "it is valid until",
                                           format_rfc3339(f->certificate.not_after));
        const auto next =
            why.what == fault::unreached ? "; trying again until it is"
            : expired ? "; enrol this agent again (workestra-relay enroll --force); trying again meanwhile"
                      : "; trying again hourly";
        event::certificate_not_renewed.say(parts_.log, level, "the certificate is not renewed{}: {}{}", left,
                                           why.message, next);
    } else {
        parts_.log.debug("the certificate is still not renewed: {}", why.message);
    }
    if (why.what == fault::unreached)
        co_return schedule_.after_unreached();
    schedule_.answered();
    co_return f ? schedule_.after_refusal(f->certificate) : renewal_schedule::usual;
}

} // namespace relay::enrolment
