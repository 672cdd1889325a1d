#include "tests/stand_ins/cloud/bench.hpp"

#include "tests/stand_ins/cloud/wait.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <map>
#include <unordered_set>

namespace relay::cloud_sim {
namespace {

std::string numbered(std::string_view text, std::int64_t n)
{
    constexpr std::string_view placeholder = "${n}";
    std::string out;
    for (;;) {
        const auto at = text.find(placeholder);
        out += text.substr(0, at);
        if (at == text.npos)
            return out;
        out += std::to_string(n);
        text.remove_prefix(at + placeholder.size());
    }
}

double in_microseconds(duration d)
{
    return std::chrono::duration<double, std::micro>(d).count();
}

// The smallest time that `share` of all are not above. `times` is sorted.
double percentile(const std::vector<duration>& times, double share)
{
    if (times.empty())
        return 0;
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(times.size()) + 0.999999);
    return in_microseconds(times[std::clamp<std::size_t>(rank, 1, times.size()) - 1]);
}

// One run, shared with the callbacks of its commands: a late result may come after the run was given up.
struct run : std::enable_shared_from_this<run> {
    run(cloud& c, bench_request r, std::string id_prefix)
        : where(c),
          request(std::move(r)),
          prefix(std::move(id_prefix)),
          link(c.active()),
          ended(c.executor())
    {
        times.reserve(static_cast<std::size_t>(request.total));
    }

    bool done() const { return completed + failed == request.total; }

    void fill()
    {
        while (!given_up && started < request.total && started - completed - failed < request.outstanding) {
            command c;
            const auto n = ++started;
            c.id = prefix + std::to_string(n);
            c.op = request.op;
            c.mailbox = numbered(request.mailbox, n);
            c.params = json::parse(numbered(request.params, n)).as_object();
            c.ttl_ms = request.ttl_ms;
            c.queued_at = where.now();
            c.done = [self = shared_from_this(), id = c.id, sent = where.time().now()](
                         bool ok, std::string_view code) { self->finished(id, sent, ok, code); };
            open.insert(c.id);
            if (!where.send_passing(std::move(c))) {
                give_up();
                return;
            }
        }
    }

    void finished(const std::string& id, steady_time sent, bool ok, std::string_view code)
    {
        last = where.time().now();
        open.erase(id);
        times.push_back(last - sent);
        if (ok) {
            ++completed;
        } else {
            ++failed;
            ++errors[std::string(code)];
        }
        fill();
        if (done())
            ended.notify();
    }

    void give_up()
    {
        given_up = true;
        ended.notify();
    }

    cloud& where;
    bench_request request;
    std::string prefix;
    session* link;
    notifier ended;
    std::int64_t started = 0, completed = 0, failed = 0;
    bool given_up = false;
    std::unordered_set<std::string> open;
    std::vector<duration> times;
    std::map<std::string, std::int64_t> errors;
    steady_time last{};
};

json::object report(run& r, steady_time begun)
{
    std::sort(r.times.begin(), r.times.end());
    const double seconds = r.times.empty() ? 0 : std::chrono::duration<double>(r.last - begun).count();
    json::object errors;
    for (const auto& [code, count] : r.errors)
        errors[code] = count;
    return {{"completed", r.completed},
            {"failed", r.failed},
            {"lost", r.open.size()},
            {"seconds", seconds},
            {"per_second", seconds > 0 ? static_cast<double>(r.times.size()) / seconds : 0.0},
            {"p50_us", percentile(r.times, 0.5)},
            {"p90_us", percentile(r.times, 0.9)},
            {"p99_us", percentile(r.times, 0.99)},
            {"max_us", percentile(r.times, 1.0)},
            {"errors", std::move(errors)}};
}

} // namespace

task<json::object> run_bench(cloud& c, bench_request request)
{
    if (!c.active())
        co_return json::object{};
    const auto limit = request.timeout;
    const auto r = std::make_shared<run>(c, std::move(request), "bench-" + c.unique_word() + '-');
    const auto begun = c.time().now();
    r->last = begun;
    r->fill();
    while (!r->done() && !r->given_up && r->link->wire) {
        // Looks up every so often whether the link is still there.
        const auto left = limit - (c.time().now() - begun);
        if (left <= 0s)
            break;
        co_await wait_at_most(c.time(), std::min<duration>(left, 100ms), r->ended);
    }
    r->given_up = true;
    auto answer = report(*r, begun);
    for (const auto& id : std::exchange(r->open, {}))
        c.forget(id);
    co_return answer;
}

task<json::object> wait_for_drain(cloud& c, std::string store, std::int64_t until, milliseconds limit)
{
    const auto deadline = c.time().now() + limit;
    for (;;) {
        const auto* known = store.empty() ? c.newest_store() : c.find_store(store);
        if (known && known->welcomed && known->durable >= until) {
            const auto mark = std::find_if(known->marks.begin(), known->marks.end(),
                                           [&](const agent_store::mark& m) { return m.ack >= until; });
            const auto elapsed = mark == known->marks.end() ? duration{0} : mark->at - *known->welcomed;
            co_return json::object{{"ack", known->durable}, {"elapsed_ms", in_microseconds(elapsed) / 1000}};
        }
        const auto left = deadline - c.time().now();
        if (left <= 0s)
            co_return json::object{{"ack", known ? known->durable : 0}};
        co_await wait_at_most(c.time(), left, c.progress());
    }
}

} // namespace relay::cloud_sim
