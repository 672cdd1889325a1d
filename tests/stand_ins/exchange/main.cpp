// exchange-sim: a stand-in for Exchange's EWS on loopback. See tests/stand_ins/README.md.
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/control/control_server.hpp"
#include "tests/stand_ins/exchange/control.hpp"
#include "tests/stand_ins/exchange/ews_endpoint.hpp"
#include "tests/stand_ins/exchange/https_server.hpp"
#include "tests/stand_ins/exchange/options.hpp"
#include "tests/stand_ins/exchange/server_certificate.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <csignal>
#include <exception>
#include <iostream>

namespace {

using namespace relay;
using namespace relay::exchange_sim;

void fill(mailbox_store& store, const options& o)
{
    if (!o.account.email.empty())
        store.put_mailbox(o.account.email, o.account.user);
    for (unsigned i = 1; i <= o.mailboxes; ++i)
        store.put_mailbox("user" + std::to_string(i) + '@' + o.domain, "User " + std::to_string(i));
}

std::string journal_line(const write_record& w)
{
    return boost::json::serialize(boost::json::object{{"n", w.n},
                                                      {"operation", to_string(w.operation)},
                                                      {"mailbox", w.mailbox},
                                                      {"item_id", w.item_id},
                                                      {"uid", w.uid},
                                                      {"at", format_rfc3339(w.at)}});
}

template <class Server>
void listen(Server& server, const char* option, const std::string& address)
{
    if (const auto listening = server.listen(address); !listening)
        throw std::runtime_error(std::string(option) + ' ' + address + ": " + listening.error().message());
}

task<void> serve(task_group& servers, https_server& https, stand_in::control_server& control,
                 ews_endpoint& endpoint)
{
    asio::signal_set signals(co_await asio::this_coro::executor, SIGTERM, SIGINT);
    servers.spawn(https.run());
    servers.spawn(control.run());
    co_await signals.async_wait(use_tuple);
    endpoint.stop();
    https.stop();
    control.stop();
    servers.stop();
    co_await servers.join();
    co_await endpoint.join();
}

void run(const options& o)
{
    // Sets a variable: before any thread.
    auto users = o.ntlm || o.negotiate ? std::make_unique<ntlm_user_file>() : nullptr;
    const auto zones = zone_table::load(o.windows_zones, o.tz_database);
    auto tls = make_server_context(o.certificate, o.key, o.tls);
    const auto sign_in = [&](bool offered, sign_in_scheme scheme) {
        return offered ? std::make_unique<sign_in_server>(scheme, o.protection, certificate_hash(tls))
                       : nullptr;
    };
    product shown = *o.product; // may be changed over the control interface

    asio::io_context context(1);
    real_time time;
    mailbox_store store;
    fill(store, o);
    gatekeeper gate(o.account, o.basic, sign_in(o.ntlm, sign_in_scheme::ntlm),
                    sign_in(o.negotiate, sign_in_scheme::negotiate), std::move(users));
    journal log(context.get_executor(), o.journal);
    ledger book([&](const write_record& w) {
        if (!o.journal.empty())
            log.append(journal_line(w));
    });
    ews_endpoint endpoint(context.get_executor(),
                          {shown, zones, store, book, log, gate, time, o.bump_change_keys_after});
    endpoint.start_throttling({.max_concurrency = o.max_concurrency});
    https_server https(context, std::move(tls), endpoint, shown);
    stand_in::control_server control(context);
    add_control_routes(control.routes(), {store, book, gate, endpoint, https, time, zones, shown});
    listen(https, "--listen", o.listen);
    listen(control, "--control", o.control);

    task_group servers(context.get_executor());
    std::exception_ptr failure;
    asio::co_spawn(context, serve(servers, https, control, endpoint),
                   [&](std::exception_ptr e) { failure = e; });
    const auto ews = "https://localhost:" + std::to_string(https.port()) + "/EWS/Exchange.asmx";
    std::cout << boost::json::serialize(boost::json::object{{"ews", ews}, {"control", control.url()}})
              << std::endl;
    context.run();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace

int main(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN);
    try {
        run(parse_options({argv + 1, argv + argc}));
        return 0;
    } catch (const std::invalid_argument& e) {
        std::cerr << "exchange-sim: " << e.what() << '\n' << usage;
        return 2;
    } catch (const std::exception& e) {
        std::cerr << "exchange-sim: " << e.what() << '\n';
        return 1;
    }
}
