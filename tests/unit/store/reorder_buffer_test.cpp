// In which order the commands of one event come out, whichever of them is stored first.
#include "agent/store/loop/reorder_buffer.hpp"

#include <catch2/catch.hpp>

using namespace relay::store;
using state = reorder_buffer::entry::state;

namespace {

context_ptr command(const std::string& id, const std::string& ordering_key = "host/e-1")
{
    auto t = std::make_shared<command_context>();
    t->id = id;
    t->ordering_key = ordering_key;
    return t;
}

std::vector<std::string> ids(const std::vector<context_ptr>& some)
{
    std::vector<std::string> all;
    for (const auto& t : some)
        all.push_back(t->id);
    return all;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("commands about one event come out in the order received", "[unit][store]")
{
    reorder_buffer buffer;
    const auto first = buffer.add(command("c-1"), state::held);
    const auto second = buffer.add(command("c-2"), state::held);
    CHECK(ids(buffer.release(second)).empty());
    CHECK(ids(buffer.release(first)) == list{"c-1", "c-2"});
    CHECK_FALSE(buffer.holds("host/e-1"));
}

TEST_CASE("a read waits for the writes before it, and for those of its own event only", "[unit][store]")
{
    reorder_buffer buffer;
    const auto write = buffer.add(command("c-1"), state::held);
    CHECK(buffer.holds("host/e-1"));
    CHECK_FALSE(buffer.holds("host/e-2"));
    buffer.add(command("read"), state::free);
    CHECK(ids(buffer.release(write)) == list{"c-1", "read"});
}

TEST_CASE("a command that could not be stored lets those behind it go", "[unit][store]")
{
    reorder_buffer buffer;
    const auto first = buffer.add(command("c-1"), state::held);
    const auto second = buffer.add(command("c-2"), state::held);
    CHECK(ids(buffer.release(second)).empty());
    CHECK(ids(buffer.drop(first)) == list{"c-2"});
}

TEST_CASE("a command of no lane comes out when it is stored", "[unit][store]")
{
    reorder_buffer buffer;
    const auto one = buffer.add(command("c-1", ""), state::held);
    const auto other = buffer.add(command("c-2", ""), state::held);
    CHECK_FALSE(buffer.holds(""));
    CHECK(ids(buffer.release(other)) == list{"c-2"});
    CHECK(ids(buffer.drop(one)).empty());
}
