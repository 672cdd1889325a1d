#include "agent/store/loop/reorder_buffer.hpp"

#include <cassert>
#include <utility>

namespace relay::store {

using state = reorder_buffer::entry::state;

reorder_buffer::entry_ptr reorder_buffer::add(context_ptr command, entry::state is)
{
    const auto e = std::make_shared<entry>(entry{std::move(command), is});
    if (!e->command->ordering_key.empty())
        lanes_[e->command->ordering_key].push_back(e);
    return e;
}

std::vector<context_ptr> reorder_buffer::release(const entry_ptr& e)
{
    return end(e, state::free);
}

std::vector<context_ptr> reorder_buffer::drop(const entry_ptr& e)
{
    return end(e, state::dropped);
}

std::vector<context_ptr> reorder_buffer::end(const entry_ptr& e, entry::state as)
{
    assert(e->is == state::held && "each is ended once");
    e->is = as;
    std::vector<context_ptr> out;
    const auto found = lanes_.find(e->command->ordering_key);
    if (found == lanes_.end()) { // it has no ordering key
        if (as == state::free)
            out.push_back(e->command);
        return out;
    }
    // Whatever was held up by this one alone comes out with it.
    auto& queue = found->second;
    while (!queue.empty() && queue.front()->is != state::held) {
        if (queue.front()->is == state::free)
            out.push_back(queue.front()->command);
        queue.pop_front();
    }
    if (queue.empty())
        lanes_.erase(found);
    return out;
}

} // namespace relay::store
