// Which CAs of the cloud's are taken at a renewal.
#include "agent/enrolment/trusted_ca.hpp"
#include "tests/unit/enrolment/enrolment_fixture.hpp"

namespace relay::test {
namespace {

using enrolment::judge_ca;
using enrolment::trust_files;
using enrolment::trusted_fingerprints;

struct trust_fixture {
    test_pki pki;
    trust_files now{pki.authority("old"), {}};

    std::string pem(const std::string& name) { return contents(pki.authority(name)); }
};

TEST_CASE_METHOD(trust_fixture, "a CA that nobody has signed who is trusted is not taken",
                 "[unit][enrolment]")
{
    const auto v = judge_ca(pem("attacker"), now);
    CHECK(v.accepted.empty());
    REQUIRE(v.refused.size() == 1);
    CHECK(v.refused[0].subject == "CN=Test authority attacker");
    CHECK(v.refused[0].sha256.size() == 64);

    // Beside one that is trusted it is refused all the same, and so is one that it signed.
    const auto both =
        judge_ca(pem("old") + pem("attacker") + contents(pki.cross_signed("helper", "attacker")), now);
    CHECK(both.accepted == pem("old"));
    CHECK(both.refused.size() == 2);
}

TEST_CASE_METHOD(trust_fixture,
                 "a CA that one who is trusted has signed is taken, and its self-signed half with it",
                 "[unit][enrolment]")
{
    const auto cross = contents(pki.cross_signed("new", "old"));
    CHECK(judge_ca(cross, now).accepted == cross);
    const auto v = judge_ca(pem("new") + cross, now);
    CHECK(v.refused.empty());
    CHECK(v.accepted.find(pem("new")) != std::string::npos);
    CHECK(v.accepted.find(cross) != std::string::npos);
    // A self-signed one of the same name and another key is nobody's half.
    test_pki elsewhere;
    CHECK(judge_ca(contents(elsewhere.authority("new")) + cross, now).refused.size() == 1);
}

TEST_CASE_METHOD(trust_fixture, "a certificate that is no CA is not taken for one, whoever signed it",
                 "[unit][enrolment]")
{
    const auto v = judge_ca(contents(pki.issue({}, "old").certificate), now);
    CHECK(v.accepted.empty());
    CHECK(v.refused.size() == 1);
}

TEST_CASE_METHOD(trust_fixture, "both files count, and without either the system's trust store",
                 "[unit][enrolment]")
{
    now.told_ca_file = pki.authority("told");
    CHECK(judge_ca(pem("old") + pem("told"), now).refused.empty());
    CHECK(trusted_fingerprints(now).size() == 2);
    CHECK(trusted_fingerprints({}) == std::vector<std::string>{"system"});
    CHECK(judge_ca(pem("attacker"), {}).refused.size() == 1);
}

} // namespace
} // namespace relay::test
