// Renewal over days, in virtual time.
#include "agent/enrolment/renewal.hpp"
#include "tests/unit/enrolment/enrolment_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

namespace relay::test {

using namespace enrolment;
using Catch::Matchers::Contains;

namespace {

struct scripted_connection final : cloud_connection {
    explicit scripted_connection(desk_fixture& w) : world(w) {}

    task<outcome<uplink::post_answer>> post_renewal(std::string body) override
    {
        ++posts;
        if (const auto ec = co_await world.time.sleep_for(50ms))
            co_return failed{fault::unreached, "was given up: " + ec.message()};
        if (post_fails)
            co_return *post_fails;
        co_return world.answer_renewal(std::move(body), as, expired);
    }
    task<outcome<void>> try_out(tls::credential_files files) override
    {
        ++trials;
        tried = files;
        if (const auto ec = co_await world.time.sleep_for(50ms))
            co_return failed{fault::unreached, "was given up: " + ec.message()};
        if (trial_fails)
            co_return *trial_fails;
        co_return outcome<void>();
    }

    desk_fixture& world;
    int posts = 0, trials = 0;
    std::optional<failed> post_fails, trial_fails;
    tls::credential_files tried;
    std::string as = "agent-1";
    bool expired = false;
};

struct renewal_fixture : identity_fixture {
    scripted_connection road{*this};
    std::ostringstream logged;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged)};
    int taken = 0;
    trust_files trust{where.ca, where.ca};
    trust_files taken_trust;
    std::vector<refused_ca> refused;
    utc_time taken_until{};
    std::unique_ptr<renewal> mine;
    asio::cancellation_signal cancel;
    bool ended = true;
    std::exception_ptr failure;

    renewal_fixture()
    {
        log.set_pattern("%l %v");
        log.set_level(spdlog::level::info);
    }
    ~renewal_fixture() { stop(); }

    // With a certificate of 30 days of which so many are over.
    void have(int days_over)
    {
        auto s = desk.settings();
        s.age_s = days_over * 86'400;
        desk.set(s);
        install(make());
        s.age_s = 0;
        desk.set(s);
    }
    void start()
    {
        renewal::off_loop disk = [](std::function<void()> work) -> task<error_code> {
            work();
            co_return error_code();
        };
        mine = std::make_unique<renewal>(
            context.get_executor(),
            renewal::parts{time, road, disk, log,
                           [this](const std::vector<refused_ca>& some) { refused = some; }},
            renewal::in_use{where, trust, "agent-1"},
            [this](const tls::certificate_facts& facts, const trust_files& believed) {
                ++taken;
                taken_until = facts.not_after;
                taken_trust = believed;
            },
            1);
        ended = false;
        asio::co_spawn(context, mine->run(),
                       asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr e) {
                           ended = true;
                           failure = e;
                       }));
        time.advance(1s);
    }
    void stop()
    {
        if (ended)
            return;
        asio::post(context, [this] { cancel.emit(asio::cancellation_type::terminal); });
        time.settle();
        CHECK(ended);
    }
    std::string common_name_valid_until() const
    {
        return std::to_string(tls::read_certificate(where.certificate)->not_after.time_since_epoch().count());
    }
    int lines() const
    {
        const auto text = logged.str();
        return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    }
};

} // namespace

TEST_CASE_METHOD(renewal_fixture, "a certificate with more than a third of its life is left alone",
                 "[unit][enrolment]")
{
    have(0);
    start();
    time.advance(std::chrono::hours(24 * 19));
    CHECK(road.posts == 0);
    CHECK(lines() == 0);
}

TEST_CASE_METHOD(renewal_fixture,
                 "a certificate that comes due while the agent runs is renewed within the hour",
                 "[unit][enrolment]")
{
    have(19);
    start();
    CHECK(road.posts == 0);
    time.advance(std::chrono::hours(26));
    CHECK(road.posts == 1);
    CHECK(taken == 1);
    CHECK(taken_until == tls::read_certificate(where.certificate)->not_after);
    CHECK(pair_matches());
    CHECK(leftovers() == 0);
    CHECK(lines() == 1);
    CHECK_THAT(logged.str(), Contains("info the certificate is renewed: CN=agent-1, valid until"));
    time.advance(std::chrono::hours(24 * 15));
    CHECK(road.posts == 1);
    CHECK(violations.empty());
}

TEST_CASE_METHOD(renewal_fixture, "a certificate that is due at the start is renewed then",
                 "[unit][enrolment]")
{
    have(21);
    const auto before = common_name_valid_until();
    start();
    CHECK(road.posts == 1);
    CHECK(road.trials == 1);
    CHECK(taken == 1);
    CHECK(common_name_valid_until() != before);
    CHECK(fs::path(road.tried.certificate_file).extension() == ".new"); // tried before it counted
}

TEST_CASE_METHOD(renewal_fixture,
                 "a cloud that cannot be reached is tried again with growing pauses, told once",
                 "[unit][enrolment]")
{
    have(25);
    road.post_fails = failed{fault::unreached, "the name relay.example cannot be resolved"};
    start();
    time.advance(10min);
    CHECK(road.posts > 3);
    CHECK(road.posts < 60);
    time.advance(std::chrono::hours(24));
    CHECK(road.posts < 120);
    CHECK(lines() == 1);
    CHECK_THAT(logged.str(), Contains("warning the certificate is not renewed (it is valid until") &&
                                 Contains("cannot be resolved"));
    road.post_fails.reset();
    time.advance(std::chrono::hours(2));
    CHECK(taken == 1);
    CHECK(lines() == 2);
    CHECK(pair_matches());
}

TEST_CASE_METHOD(renewal_fixture, "a cloud that refuses is asked hourly, and a human told once",
                 "[unit][enrolment]")
{
    have(25);
    road.post_fails =
        failed{fault::refused, "the cloud refuses to renew the certificate: it answers 403 (revoked)"};
    start();
    time.advance(std::chrono::hours(24));
    CHECK(road.posts >= 23);
    CHECK(road.posts <= 27);
    CHECK(lines() == 1);
    CHECK_THAT(logged.str(), Contains("error the certificate is not renewed") && Contains("revoked") &&
                                 Contains("trying again hourly"));
    road.post_fails = failed{fault::unreached, "it answers 503"};
    time.advance(std::chrono::hours(2));
    CHECK(lines() == 2);
}

TEST_CASE_METHOD(renewal_fixture, "a new certificate that the cloud does not take leaves the old one in use",
                 "[unit][enrolment]")
{
    have(25);
    const auto before = contents(where.certificate);
    road.trial_fails = failed{fault::refused, "it refuses our client certificate: certificate unknown"};
    start();
    CHECK(taken == 0);
    CHECK(contents(where.certificate) == before);
    CHECK(pair_matches());
    CHECK(leftovers() == 0);
    CHECK_THAT(logged.str(), Contains("the new certificate does not work"));
    road.trial_fails.reset();
    time.advance(std::chrono::hours(2));
    CHECK(taken == 1);
}

TEST_CASE_METHOD(renewal_fixture,
                 "a new certificate that could not be tried is kept, and no other is asked for",
                 "[unit][enrolment]")
{
    have(25);
    road.trial_fails = failed{fault::unreached, "cannot connect"};
    start();
    CHECK(files.staged());
    CHECK(road.posts == 1);
    time.advance(std::chrono::hours(5));
    CHECK(road.posts == 1);
    CHECK(road.trials > 3);
    road.trial_fails.reset();
    time.advance(std::chrono::hours(2));
    CHECK(taken == 1);
    CHECK(road.posts == 1);
    CHECK(leftovers() == 0);
    CHECK(pair_matches());
}

TEST_CASE_METHOD(renewal_fixture, "a new certificate that a crash left behind is tried at the next start",
                 "[unit][enrolment]")
{
    have(25);
    const auto fresh = make();
    REQUIRE(files.stage(of(fresh, where.ca)).has_value());
    start();
    CHECK(road.posts == 0);
    CHECK(road.trials == 1);
    CHECK(taken == 1);
    CHECK(contents(where.certificate) == fresh.granted.certificate);
}

TEST_CASE_METHOD(renewal_fixture, "a certificate that ran out is renewed all the same", "[unit][enrolment]")
{
    have(29);
    time.advance(std::chrono::hours(48));
    road.expired = true;
    start();
    CHECK(taken == 1);
    CHECK(lines() == 2);
    CHECK_THAT(logged.str(), Contains("ran out on") && Contains("the certificate is renewed"));
}

TEST_CASE_METHOD(renewal_fixture,
                 "a cloud that does not renew what ran out leaves enrolling again, and that is said",
                 "[unit][enrolment]")
{
    have(29);
    time.advance(std::chrono::hours(48));
    road.expired = true;
    auto s = desk.settings();
    s.renew_expired = false;
    desk.set(s);
    start();
    time.advance(std::chrono::hours(10));
    CHECK(taken == 0);
    CHECK(lines() == 2);
    CHECK_THAT(logged.str(), Contains("certificate_expired") && Contains("workestra-relay enroll --force"));
    CHECK(road.posts >= 9);
}

TEST_CASE_METHOD(renewal_fixture, "another agent's certificate is not taken", "[unit][enrolment]")
{
    have(25);
    road.as = "agent-2";
    start();
    CHECK(taken == 0);
    CHECK(leftovers() == 0);
    CHECK_THAT(logged.str(), Contains("it is for the agent agent-2, and this one is agent-1"));
}

TEST_CASE_METHOD(renewal_fixture, "a CA of the cloud's that nobody has signed who is trusted stays outside",
                 "[unit][enrolment]")
{
    have(25);
    std::ofstream(where.ca) << contents(pki.authority("other"));
    start();
    CHECK(taken == 1); // the certificate works all the same
    CHECK(contents(where.ca) == contents(pki.authority("other")));
    CHECK(road.tried.told_ca_file == where.ca);
    CHECK(refused.size() == 1);
    CHECK_THAT(logged.str(), Contains("warning the cloud offers a CA that nobody has signed who is trusted"));
}

TEST_CASE_METHOD(renewal_fixture,
                 "a CA of the cloud's that a trusted one has signed takes the place of what it told before",
                 "[unit][enrolment]")
{
    have(25);
    auto s = desk.settings();
    s.ca = contents(pki.cross_signed("new", "ca")) + contents(ca);
    desk.set(s);
    start();
    CHECK(taken == 1);
    CHECK(taken_trust == trust);
    CHECK(fs::path(road.tried.told_ca_file).extension() == ".new");
    CHECK(contents(where.ca) == s.ca);
    CHECK(refused.empty());
}

TEST_CASE_METHOD(renewal_fixture, "a renewal never writes the administrator's file", "[unit][enrolment]")
{
    have(25);
    const auto own = folder.path() / "own-ca.crt";
    std::ofstream(own) << contents(ca);
    fs::remove(where.ca);
    trust = {own, {}};
    auto s = desk.settings();
    s.ca = contents(pki.cross_signed("new", "ca"));
    desk.set(s);
    start();
    CHECK(taken == 1);
    CHECK(contents(own) == contents(ca));
    CHECK(contents(where.ca) == s.ca);
    CHECK(taken_trust == trust_files{own, where.ca}); // both count from now on
}

TEST_CASE_METHOD(renewal_fixture, "a cloud that grants too little is not asked without end",
                 "[unit][enrolment]")
{
    have(25);
    auto s = desk.settings();
    s.age_s = 25 * 86'400;
    desk.set(s);
    start();
    time.advance(std::chrono::hours(10));
    CHECK(road.posts >= 9);
    CHECK(road.posts <= 12);
}

TEST_CASE_METHOD(renewal_fixture, "a certificate that another configuration names is looked at at once",
                 "[unit][enrolment]")
{
    have(0);
    start();
    CHECK(road.posts == 0);
    have(25);
    mine->use({where, trust, "agent-1"});
    time.advance(1s);
    CHECK(road.posts == 1);
}

TEST_CASE_METHOD(renewal_fixture, "a stop in the middle of a renewal ends it, and logs nothing",
                 "[unit][enrolment]")
{
    have(25);
    start();
    CHECK(taken == 1);
    have(25);
    const auto before = lines();
    mine->use({where, trust, "agent-1"});
    time.advance(20ms); // the request is under way
    CHECK(road.posts == 2);
    stop();
    CHECK(lines() == before);
    CHECK(pair_matches());
}

TEST_CASE("a certificate is due with less than a third of its life left, and overdue with less than a sixth",
          "[unit][enrolment]")
{
    const utc_time start = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
    tls::certificate_facts c;
    c.not_before = start;
    c.not_after = start + std::chrono::days(30);
    CHECK_FALSE(renewal_schedule::due(c, start + std::chrono::days(20)));
    CHECK(renewal_schedule::due(c, start + std::chrono::days(20) + 1s));
    CHECK(renewal_schedule::due(c, start + std::chrono::days(40)));
    CHECK_FALSE(renewal_schedule::overdue(c, start + std::chrono::days(25)));
    CHECK(renewal_schedule::overdue(c, start + std::chrono::days(25) + 1s));
    c.not_after = start + std::chrono::days(3650); // made by hand, it may never be renewed
    CHECK_FALSE(renewal_schedule::overdue(c, c.not_after - std::chrono::days(14)));
    CHECK(renewal_schedule::overdue(c, c.not_after - std::chrono::days(14) + 1s));
    c.not_after = start; // nonsense is due too, and does no harm
    CHECK(renewal_schedule::due(c, start));
    renewal_schedule s(1);
    CHECK(s.after_refusal(c) >= renewal_schedule::soonest);
}

} // namespace relay::test
