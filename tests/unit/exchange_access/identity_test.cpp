// Which of several items is the event's own, and what they say of a write.
#include "agent/exchange_access/identity.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::exchange_access;

namespace {

const auto ours = uid_for("e-1", "c-1");
const auto others = uid_for("e-1", "c-9");
constexpr auto outlooks = "040000008200E00074C5B7101A82E00800000000";

enum class note { made, none };

ews::found_item item(const std::string& id, const std::string& command, const std::string& uid,
                     ews::item_location where = ews::item_location::live, note with = note::made)
{
    ews::found_item i;
    i.ref.id = id;
    i.where = where;
    i.event_id = "e-1";
    i.command_id = command;
    i.uid = uid;
    if (with == note::made)
        i.born_uid = uid;
    return i;
}

ews::found_item deleted(const std::string& id, const std::string& command, const std::string& uid,
                        note with = note::made)
{
    return item(id, command, uid, ews::item_location::deleted, with);
}

ews::found_item copy(ews::found_item of, const std::string& id)
{
    of.ref.id = id;
    of.uid = outlooks + id;
    return of;
}

std::string named(const trace& t)
{
    constexpr const char* names[] = {"none", "applied", "overtaken", "gone"};
    std::string text = names[static_cast<int>(t.what)];
    return t.item ? text + " " + t.item->ref.id : text;
}

using items = std::vector<ews::found_item>;

std::string create(items all)
{
    return named(trace_of_create(sorted_out(std::move(all)), "c-1", ours));
}

std::string update(items all)
{
    return named(trace_of_update(sorted_out(std::move(all)), "u-1", false));
}

std::string own_update(items all)
{
    return named(trace_of_update(sorted_out(std::move(all)), "u-1", true));
}

} // namespace

TEST_CASE("a command always writes the same uid, another command another one", "[unit][exchange_access]")
{
    CHECK(uid_for("e", "c-1") == uid_for("e", "c-1"));
    CHECK(uid_for("e", "c-1") != uid_for("e", "c-2"));
}

TEST_CASE("an item is the event's own where it has the UID that its create gave", "[unit][exchange_access]")
{
    CHECK(birth_of("u-1", "u-1") == birth::original);
    CHECK(birth_of("u-2", "u-1") == birth::copy);
    CHECK(birth_of(ours, "") == birth::original); // of an older agent
    CHECK(birth_of(ours, others) == birth::copy);
    CHECK(birth_of(outlooks, "") == birth::unclear);
    CHECK(birth_of("", ours) == birth::unclear);
}

TEST_CASE("copies are set aside, live or deleted, and what is unclear beside an original is one",
          "[unit][exchange_access]")
{
    const auto original = item("O", "c-1", ours);
    const auto unnoted = item("U", "c-1", outlooks, ews::item_location::live, note::none);
    auto away = copy(original, "D");
    away.where = ews::item_location::deleted;
    auto sorted = sorted_out({copy(original, "C"), original, away, unnoted});
    REQUIRE(sorted.live.size() == 1);
    CHECK(sorted.live.front().ref.id == "O");
    CHECK(sorted.deleted.empty());
    CHECK(sorted.copies.size() == 3);
    CHECK(holds_original(sorted));

    sorted = sorted_out({unnoted, deleted("O", "c-1", ours)});
    CHECK(sorted.live.empty());
    CHECK(sorted.copies.size() == 1);
    sorted = sorted_out({unnoted, copy(original, "C")}); // which tells that there was another UID
    CHECK(sorted.live.empty());

    sorted = sorted_out({unnoted}); // nothing tells: it is taken for the event's own
    CHECK(sorted.live.size() == 1);
    CHECK_FALSE(holds_original(sorted));
    CHECK(sorted_out({unnoted, unnoted}).live.size() == 2);
}

TEST_CASE("what tells that a create was carried out", "[unit][exchange_access]")
{
    const auto mine = item("M", "c-1", ours), changed = item("M", "u-2", ours);
    const auto other = item("X", "c-9", others);
    const auto gone = deleted("D", "c-1", ours), changed_gone = deleted("D", "u-2", ours);
    CHECK(create({}) == "none");
    CHECK(create({mine}) == "applied M");
    CHECK(create({mine, gone}) == "applied M"); // restored, or imported
    CHECK(create({copy(mine, "C"), mine}) == "applied M");
    CHECK(create({other, mine}) == "applied M");
    CHECK(create({changed}) == "overtaken M");
    CHECK(create({changed, other}) == "overtaken M");
    CHECK(create({item("F", "c-1", "foreign", ews::item_location::live, note::none)}) == "applied F");
    CHECK(create({other}) == "none");
    CHECK(create({copy(other, "C")}) == "none");
    CHECK(create({deleted("D", "c-9", others)}) == "none");
    CHECK(create({other, deleted("D", "c-9", others)}) == "none");
    for (const auto& was : {gone, changed_gone}) {
        CHECK(create({was}) == "gone D");
        CHECK(create({was, copy(was, "C")}) == "gone D");
        CHECK(create({was, other}) == "overtaken X");
        CHECK(create({was, other, item("Y", "c-8", uid_for("e-1", "c-8"))}) == "gone D");
    }
    CHECK(create({deleted("D", "u-2", ours, note::none)}) == "gone D");
    CHECK(create({copy(mine, "C")}) == "gone");
    CHECK(create({copy(changed, "C")}) == "gone");
    CHECK(create({copy(changed, "C"), other}) == "overtaken X");
}

TEST_CASE("what tells that an update was carried out", "[unit][exchange_access]")
{
    const auto mine = item("M", "u-1", ours), before = item("M", "c-1", ours);
    const auto gone = deleted("D", "u-1", ours);
    const auto other = item("X", "c-9", others);
    CHECK(update({}) == "none");
    CHECK(update({mine}) == "applied M");
    CHECK(update({mine, gone}) == "applied M");
    CHECK(update({before}) == "none");
    CHECK(update({before, copy(mine, "C")}) == "none"); // what lives decides
    CHECK(update({before, gone}) == "none");
    CHECK(update({other, gone}) == "none");
    CHECK(update({gone}) == "gone D");
    CHECK(update({gone, copy(mine, "C")}) == "gone D");
    CHECK(update({deleted("D", "u-2", ours)}) == "none");
    CHECK(update({copy(mine, "C")}) == "gone");
    // Left over in the agent's own store: carried out once, and the cloud knows.
    CHECK(own_update({other, gone}) == "overtaken X");
    CHECK(own_update({gone}) == "gone D");
    CHECK(own_update({before}) == "none");
    CHECK(own_update({other, before, gone}) == "none"); // two: a conflict, as for any other
}
