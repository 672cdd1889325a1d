#include "agent/exchange_access/recipients.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::exchange_access;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using protocol::fault_code;
using kind = ews::recipient::kind;

namespace {

mailbox_address address(std::string_view text)
{
    return *mailbox_address::parse(text);
}

struct recipients_fixture {
    recipients known;
    steady_time now{1000h};

    static policy::policy denying(std::string who, bool allow_lists = false)
    {
        policy::rules r;
        r.deny_mailboxes = {who};
        r.deny_attendees = {who};
        r.allow_lists = allow_lists;
        return policy::policy(r);
    }
    void learn(std::string_view who, kind what, std::string primary)
    {
        known.learn(address(who), {what, std::move(primary)}, now);
    }
    // "" for what is allowed.
    std::string free_busy(const policy::policy& p, std::string_view who) const
    {
        const auto allowed = allows_free_busy(p, known, address(who), now);
        return allowed.has_value() ? "" : std::string(protocol::name(allowed.error().code));
    }
    std::string invited(const policy::policy& p, std::string_view who,
                        std::string_view host = "host@corp.example") const
    {
        const std::vector<protocol::attendee> all{{address(who), {}, {}}};
        const auto allowed = allows_invited(p, known, all, address(host), now);
        return allowed.has_value() ? "" : std::string(protocol::name(allowed.error().code));
    }
};

} // namespace

TEST_CASE_METHOD(recipients_fixture,
                 "another name of a mailbox that is denied is denied, and the rule is named",
                 "[unit][policy]")
{
    const auto p = denying("ceo@corp.example");
    learn("boss@corp.example", kind::one, "CEO@corp.example");
    learn("a@corp.example", kind::one, "a@corp.example");
    const auto why = allows_free_busy(p, known, address("Boss@corp.example"), now).error();
    CHECK(why.code == fault_code::policy_denied);
    CHECK(why.message ==
          "Boss@corp.example is another name of CEO@corp.example, and CEO@corp.example matches "
          "\"ceo@corp.example\" in policy.deny_mailboxes");
    CHECK(free_busy(p, "a@corp.example").empty());
    CHECK(free_busy(p, "ceo@corp.example") == "policy_denied");
    CHECK(invited(p, "boss@corp.example") == "policy_denied");
    CHECK(invited(p, "a@corp.example").empty());
}

TEST_CASE_METHOD(recipients_fixture, "an allow list is for primary addresses, too", "[unit][policy]")
{
    policy::rules r;
    r.allow_mailboxes = {"*@sales.example"};
    const policy::policy p(r);
    learn("ceo@sales.example", kind::one, "ceo@corp.example");
    CHECK(free_busy(p, "ceo@sales.example") == "policy_denied");
}

TEST_CASE_METHOD(recipients_fixture,
                 "a list is refused where mailboxes are restricted, unless a setting allows it",
                 "[unit][policy]")
{
    learn("board@corp.example", kind::several, "board@corp.example");
    CHECK(free_busy(denying("ceo@corp.example"), "board@corp.example") == "policy_denied");
    CHECK(free_busy(denying("ceo@corp.example", true), "board@corp.example").empty());
    CHECK(free_busy(policy::policy({}), "board@corp.example").empty());
    CHECK(invited(denying("ceo@corp.example"), "board@corp.example").empty()); // lists may be invited
}

TEST_CASE_METHOD(recipients_fixture,
                 "whom the address book does not show is asked about only if a rule names it in full",
                 "[unit][policy]")
{
    learn("hidden@corp.example", kind::unknown, "");
    learn("untold@corp.example", kind::untold, "");
    policy::rules r;
    r.allow_mailboxes = {"*"};
    r.deny_mailboxes = {"ceo@corp.example"};
    CHECK(free_busy(policy::policy(r), "hidden@corp.example") == "mailbox_not_found");
    CHECK(free_busy(policy::policy(r), "untold@corp.example") == "policy_denied");
    r.allow_mailboxes = {"*", "Hidden@corp.example", "untold@corp.example"};
    CHECK(free_busy(policy::policy(r), "hidden@corp.example").empty());
    CHECK(free_busy(policy::policy(r), "untold@corp.example").empty());
}

TEST_CASE_METHOD(recipients_fixture,
                 "outsiders are invited by their names, insiders only as the address book shows them",
                 "[unit][policy]")
{
    for (const auto* who :
         {"guest@elsewhere.example", "secret-list@corp.example", "secret-list@second.example"})
        learn(who, kind::unknown, "");
    policy::rules r;
    r.deny_attendees = {"all-staff@second.example"};
    CHECK(invited(policy::policy(r), "guest@elsewhere.example").empty());
    CHECK(invited(policy::policy(r), "secret-list@corp.example") == "policy_denied");
    CHECK(invited(policy::policy(r), "secret-list@second.example") == "policy_denied");
    r.allow_attendees = {"*", "secret-list@corp.example"};
    CHECK(invited(policy::policy(r), "secret-list@corp.example").empty());
}

TEST_CASE_METHOD(recipients_fixture, "nobody is looked up without need, and each one once", "[unit][policy]")
{
    const std::vector<mailbox_address> asked{address("a@corp.example"), address("A@corp.example"),
                                             address("b@corp.example"), address("ceo@corp.example")};
    const auto left = [&](const policy::policy& p) {
        return strangers(p, known, std::span<const mailbox_address>(asked), now);
    };
    CHECK(left(policy::policy({})).empty()); // nothing is restricted
    CHECK(left(denying("ceo@corp.example")) ==
          std::vector{address("a@corp.example"), address("b@corp.example")});
    learn("a@corp.example", kind::one, "a@corp.example");
    learn("b@corp.example", kind::unknown, "");
    CHECK(left(denying("ceo@corp.example")).empty());
    now += recipients::kept_unknown;
    CHECK(left(denying("ceo@corp.example")) == std::vector{address("b@corp.example")});
    now += recipients::kept;
    CHECK(left(denying("ceo@corp.example")).size() == 2);
    CHECK(free_busy(denying("ceo@corp.example"), "a@corp.example") == "overloaded");
}

TEST_CASE_METHOD(recipients_fixture, "what is known of addresses has a bound", "[unit][policy]")
{
    for (std::size_t i = 0; i < recipients::most + 1'000; ++i)
        learn("user" + std::to_string(i) + "@corp.example", kind::one, "user@corp.example");
    std::size_t left = 0;
    for (std::size_t i = 0; i < recipients::most + 1'000; ++i)
        left += known.find(address("user" + std::to_string(i) + "@corp.example"), now) != nullptr;
    CHECK(left == recipients::most);
}
