// Certificate and key on the disk: together, whatever happens in between.
#include "tests/unit/enrolment/enrolment_fixture.hpp"

#include "agent/enrolment/enroll.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace relay::test {

using namespace enrolment;

namespace {

struct killed {};

// Lets `work` take so many steps, then ends it as a kill would; true where it came to its end before.
template <class Work>
bool survives(identity_files& files, int steps, Work work)
{
    files.at_each_step([&steps] {
        if (steps-- == 0)
            throw killed{};
    });
    bool done = true;
    try {
        work();
    } catch (const killed&) {
        done = false;
    }
    files.at_each_step({});
    return done;
}

unsigned mode(const fs::path& file)
{
    struct stat found {};
    REQUIRE(::stat(file.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

} // namespace

TEST_CASE_METHOD(identity_fixture, "an identity is in its places with a key for its owner alone",
                 "[unit][enrolment]")
{
    const auto first = make();
    install(first);
    CHECK(pair_matches());
    CHECK(leftovers() == 0);
    CHECK(mode(where.key) == 0600);
    CHECK(mode(where.key.parent_path()) == 0700);
    CHECK(contents(where.ca) == first.granted.ca);
    const auto record = config::read_enrolment_record(where.certificate);
    REQUIRE(record.has_value());
    CHECK(record->relay_url == "wss://relay.example/v1/connect");
    CHECK(record->ca_file == where.ca);
}

TEST_CASE_METHOD(identity_fixture,
                 "a first identity that a kill cut off is whole or not there after recovery",
                 "[unit][enrolment]")
{
    REQUIRE(files.prepare().has_value());
    const auto mine = make();
    for (int steps = 0;; ++steps) {
        bool went_wrong = false; // REQUIRE would take the kill for its own
        const bool done = survives(files, steps, [&] {
            went_wrong = files.stage(of(mine)).has_error() || files.commit().has_error();
        });
        REQUIRE_FALSE(went_wrong);
        REQUIRE(files.recover().has_value());
        INFO("killed at step " << steps);
        const bool in_place = fs::exists(where.certificate);
        CHECK(in_place == fs::exists(where.key));
        if (in_place)
            CHECK(pair_matches());
        else
            CHECK((files.staged() || leftovers() == 0));
        if (files.staged()) // what the cloud granted is not lost
            REQUIRE(files.commit().has_value());
        if (done)
            break;
        for (const auto& file : {where.certificate, where.key, where.ca, where.record()})
            fs::remove(file);
    }
    CHECK(pair_matches());
}

TEST_CASE_METHOD(identity_fixture, "a pair that a kill found being replaced is the old one or the new one",
                 "[unit][enrolment]")
{
    const auto old = make("old"), fresh = make("new");
    for (int steps = 0;; ++steps) {
        fs::remove_all(where.key.parent_path());
        install(old);
        bool went_wrong = false;
        const bool done = survives(files, steps, [&] {
            went_wrong =
                files.stage(of(fresh)).has_error() || files.commit(fresh.granted.certificate).has_error();
        });
        REQUIRE_FALSE(went_wrong);
        // Recovery may be killed as well, at every one of its own steps.
        for (int recovering = 0;
             !survives(files, recovering, [&] { went_wrong = files.recover().has_error(); }); ++recovering)
            REQUIRE(recovering < 10);
        REQUIRE_FALSE(went_wrong);
        INFO("killed at step " << steps);
        CHECK(pair_matches());
        const auto facts = tls::read_certificate(where.certificate);
        REQUIRE(facts.has_value());
        CHECK(agent_id_of(where.certificate, *facts) == facts->common_name);
        CHECK(mode(where.key) == 0600);
        if (facts->common_name == "new")
            CHECK(leftovers() == 0);
        else
            CHECK((files.staged() || leftovers() == 0));
        if (done) {
            CHECK(facts->common_name == "new");
            break;
        }
    }
}

TEST_CASE_METHOD(identity_fixture, "files that were torn by a kill are removed, and the pair stays",
                 "[unit][enrolment]")
{
    install(make("old"));
    const auto fresh = make("new");
    for (const auto& place : {where.key, where.certificate}) {
        REQUIRE(files.stage(of(fresh)).has_value());
        const fs::path beside = place.string() + ".new";
        fs::resize_file(beside, fs::file_size(beside) / 2);
        REQUIRE(files.recover().has_value());
        CHECK(leftovers() == 0);
        CHECK(pair_matches());
    }
}

TEST_CASE_METHOD(identity_fixture, "what somebody else staged meanwhile is not taken for ours",
                 "[unit][enrolment]")
{
    install(make("old"));
    const auto mine = make("mine"), theirs = make("theirs");
    REQUIRE(files.stage(of(mine)).has_value());
    REQUIRE(identity_files(where).stage(of(theirs)).has_value());
    CHECK(files.commit(mine.granted.certificate).has_error());
    CHECK(tls::read_certificate(where.certificate)->common_name == "old");
    REQUIRE(files.discard().has_value());
    CHECK(leftovers() == 0);
}

TEST_CASE_METHOD(identity_fixture, "a key that lay there before is not written into", "[unit][enrolment]")
{
    REQUIRE(files.prepare().has_value());
    const fs::path beside = where.key.string() + ".new";
    std::ofstream(beside) << "open to all";
    fs::permissions(beside, fs::perms(0644));
    const auto held = folder.path() / "held";
    fs::create_hard_link(beside, held); // somebody has it open
    install(make());
    CHECK(contents(held) == "open to all");
    CHECK(mode(where.key) == 0600);
}

TEST_CASE_METHOD(identity_fixture, "a folder that cannot be written is told before a token is used",
                 "[unit][enrolment]")
{
    std::ofstream(folder.path() / "pki") << "a file";
    const auto refused = files.prepare();
    REQUIRE(refused.has_error());
    CHECK(refused.error().what == fault::local);
    CHECK_THAT(refused.error().message, Catch::Contains((folder.path() / "pki").string()));
}

TEST_CASE_METHOD(identity_fixture, "what is in place is told: nothing, a good pair, or what is wrong with it",
                 "[unit][enrolment]")
{
    CHECK_FALSE(present_identity(where, time.utc_now()).has_value());
    install(make());
    CHECK(present_identity(where, time.utc_now())->has_value());
    CHECK_THAT(present_identity(where, time.utc_now() + std::chrono::days(31))->error().message,
               Catch::Contains("ran out on"));
    const auto another = make();
    std::ofstream(where.key) << another.request.key.pem();
    CHECK_THAT(present_identity(where, time.utc_now())->error().message, Catch::Contains("is not the key"));
    fs::remove(where.certificate);
    CHECK_THAT(present_identity(where, time.utc_now())->error().message, Catch::Contains("is there without"));
}

TEST_CASE_METHOD(
    identity_fixture,
    "what was granted before a kill counts where there was nothing yet; a renewal is tried first",
    "[unit][enrolment]")
{
    const auto first = make(), second = make();
    REQUIRE(files.prepare().has_value());
    REQUIRE(files.stage(of(first)).has_value());
    REQUIRE(files.settle().has_value());
    CHECK(pair_matches());
    CHECK(leftovers() == 0);
    REQUIRE(files.stage(of(second)).has_value());
    REQUIRE(files.settle().has_value());
    CHECK(files.staged());
    CHECK(contents(where.certificate) == first.granted.certificate);
}

TEST_CASE_METHOD(identity_fixture, "a certificate put there by hand is who it says, whatever a record says",
                 "[unit][enrolment]")
{
    install(make("enrolled"));
    const auto by_hand = make("by-hand");
    std::ofstream(where.certificate) << by_hand.granted.certificate;
    CHECK(agent_id_of(where.certificate, *tls::read_certificate(where.certificate)) == "by-hand");
}

TEST_CASE("a record reads back as it was written, and anything else is none", "[unit][enrolment]")
{
    const config::enrolment_record r{"agent-1", "wss://relay.example/v1/connect", "/pki/cloud-ca.crt",
                                     "00ff"};
    const auto text = config::to_json(r, "/pki");
    CHECK(text.find("/pki") == std::string::npos); // the folder can be moved
    CHECK(config::parse_enrolment_record(text, "/pki") == r);
    CHECK(config::parse_enrolment_record(text, "/moved")->ca_file == "/moved/cloud-ca.crt");
    for (const char* bad : {"", "[]", "{}", R"({"agent_id":""})",
                            R"({"agent_id":"a","relay_url":"https://x"})", R"({"agent_id":"a","ca_file":1})"})
        CHECK_FALSE(config::parse_enrolment_record(bad, "/pki").has_value());
}

} // namespace relay::test
