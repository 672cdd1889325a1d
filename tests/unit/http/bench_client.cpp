// What the client adds to libcurl: run with  unit_http "[.bench]"  in a release build.
#include "agent/signin/channel_binding.hpp"
#include "tests/unit/http/acceptor.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>
#include <curl/curl.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace relay::test {
namespace {

constexpr int rounds = 5000;

void report(const char* what, std::vector<double> us)
{
    std::sort(us.begin(), us.end());
    const auto at = [&](double share) {
        return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))];
    };
    std::printf("%-34s p50 %7.1f us   p90 %7.1f   p99 %7.1f\n", what, at(.5), at(.9), at(.99));
}

double since(std::chrono::steady_clock::time_point start)
{
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

std::size_t discard(char*, std::size_t, std::size_t size, void*)
{
    return size;
}

std::vector<double> raw_curl(const std::string& url, const std::string& ca, const std::string& body)
{
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca.c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(easy, CURLOPT_USERPWD, "u:p");
    std::vector<double> us;
    for (int i = 0; i < rounds; ++i) {
        const auto start = std::chrono::steady_clock::now();
        if (curl_easy_perform(easy) != CURLE_OK)
            throw std::runtime_error("curl");
        us.push_back(since(start));
    }
    curl_easy_cleanup(easy);
    return us;
}

long resident_kib()
{
    std::ifstream statm("/proc/self/statm");
    long all = 0, resident = 0;
    statm >> all >> resident;
    return resident * 4;
}

struct bench_fixture : http_fixture {
    std::vector<double> through_client(const std::string& body)
    {
        std::vector<double> us;
        spawn([](http::client& c, const std::string& what, std::vector<double>& to) -> task<void> {
            for (int i = 0; i < rounds; ++i) {
                const auto start = std::chrono::steady_clock::now();
                ok(co_await c.perform(post(what)));
                to.push_back(since(start));
            }
        }(*client, body, us));
        run();
        return us;
    }
};

TEST_CASE_METHOD(bench_fixture, "bench: one request after the other", "[.bench]")
{
    const std::string body(3000, 'x');
    scripted_server server(who, scripted_server::always(std::string(3000, 'y')));
    for (int i = 0; i < 2; ++i) {
        report("libcurl alone", raw_curl(server.url(), settings.ca_file, body));
        connect(server);
        report("client, Basic", through_client(body));
    }
    account_file users("right");
    sign_in_counts counts;
    acceptor_wish wish;
    wish.binding = signin::tls_server_end_point(who.der()).value();
    settings.auth = http::auth_scheme::ntlm;
    scripted_server windows(who, [&](peer& p) { serve_signed_in(p, wish, counts); });
    connect(windows);
    report("client, NTLM (signed in)", through_client(body));
}

TEST_CASE_METHOD(bench_fixture, "bench: ten at once, and the memory of ten connections", "[.bench]")
{
    scripted_server server(who, scripted_server::always(std::string(3000, 'y')));
    connect(server);
    const auto before = resident_kib();
    const auto start_time = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i)
        spawn([](http::client& c) -> task<void> {
            for (int n = 0; n < rounds; ++n)
                ok(co_await c.perform(post(std::string(3000, 'x'))));
        }(*client));
    run();
    std::printf(
        "ten at once: %.0f requests/s over %d connections; server and client together grew by %ld KiB\n",
        10 * rounds / (since(start_time) / 1e6), server.connections.load(), resident_kib() - before);
}

} // namespace
} // namespace relay::test
