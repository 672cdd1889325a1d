#include "tests/unit/store/store_fixture.hpp"

#include <unistd.h>

#include <cstdlib>

namespace relay::test {
namespace fs = std::filesystem;

temporary_folder::temporary_folder()
{
    // In memory where that can be had: a test of thousands of commits is about their order, not about the disk.
    const fs::path memory = "/dev/shm";
    const auto base = ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
    std::string pattern = (base / "relay-store-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
        throw std::runtime_error("no temporary folder");
    path_ = pattern;
}

temporary_folder::~temporary_folder()
{
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void copy_as_after_a_crash(const fs::path& from, const fs::path& to)
{
    for (const auto* name : {"queue.db", "queue.db-wal"})
        if (fs::exists(from / name))
            fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing);
        else
            fs::remove(to / name);
    fs::remove(to / "queue.db-shm");
}

std::unique_ptr<store::sqlite_queue_store> loop_fixture::open(const fs::path& folder,
                                                              std::int64_t max_commands)
{
    auto opened =
        store::sqlite_queue_store::open({folder, max_commands, store::sqlite_queue_store::threading::inline_,
                                         [this] { return time.utc_now(); }},
                                        log);
    if (opened.has_error())
        throw std::runtime_error("cannot open the store: " + opened.error().message() + "\n" + logged.str());
    return std::move(*opened);
}

store::new_command a_write(const loop_fixture& f, std::string id, std::string subject)
{
    store::new_command c;
    c.command.id = std::move(id);
    c.command.op = "event.create";
    c.command.mailbox = "host@corp.example";
    c.command.params = {{"event_id", "e-1"}, {"subject", subject}};
    c.fingerprint = "print of " + subject;
    c.event_id = "e-1";
    c.received_at = f.time.utc_now();
    c.ttl = 1h;
    return c;
}

} // namespace relay::test
