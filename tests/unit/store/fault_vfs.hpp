// A disk that fails where a test wants it to: a shim over SQLite's own file layer that counts what changes the disk and
// lets the n-th such operation fail, or the power go out at it.
#pragma once

#include <sqlite3.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace relay::test {

// What happens at an operation: a write, a sync, opening, cutting or deleting a file, growing the shared index.
struct fault_plan {
    enum class kind {
        io_error,
        full,        // of the disk
        short_write, // half of it is written, then an I/O error; other operations fail at once
        power_loss,  // this one and all after it fail; heal() then shows what is left
    };
    enum class unsynced {
        lost,
        kept,
        some
    }; // what becomes of writes that were not synced when the power goes

    kind what = kind::io_error;
    std::int64_t at = 0;   // which operation, counted from 1; 0: none
    bool for_ever = false; // and all after it
    unsynced rest = unsynced::lost;
    unsigned seed = 0; // for `some`: which 512-byte sectors are kept, and whether deleted files come back
};

// SQLite's default while it lives; make it before the first connection, and destroy it after the last one. One connection
// to a file at a time. Its control functions are for one thread, while the connections' threads rest.
class fault_vfs {
public:
    fault_vfs();
    ~fault_vfs();
    fault_vfs(const fault_vfs&) = delete;
    fault_vfs& operator=(const fault_vfs&) = delete;

    // Counts anew from here. With power_loss, what is written from here on reaches the files only when it is synced.
    void arm(const fault_plan& plan);
    bool struck() const { return struck_; }
    std::int64_t operations() const { return count_; }
    // No more faults. After a power loss: nobody has the files open.
    void heal();

    // From now on a connection waits where its next transaction begins; returns once one does. release() lets it go on.
    void hold();
    void wait_until_held();
    void release();

private:
    struct change {
        std::int64_t offset = 0;
        std::string bytes; // of a write
        bool cuts = false; // the file to `offset`
    };
    struct state {           // of a file that was opened since arm(), in power_loss
        std::string content; // as the program sees it
        std::vector<change> unsynced;
    };
    struct file {
        sqlite3_file base; // first: SQLite sees only this
        fault_vfs* owner;
        state* kept;      // nothing: straight through
        const char* path; // SQLite's own, good until it closes the file
        bool
            syncs_folder; // with its first sync, as SQLite has the file layer do for journals and logs that it creates
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };

    enum class operation { write, sync, open, cut, remove, map };
    bool strikes();
    int code(operation o);
    void lose_power();
    void pass_gate();
    static void apply(const std::string& path, const change& c);
    static const sqlite3_io_methods& methods();
    static file& of(sqlite3_file* f) { return *reinterpret_cast<file*>(f); }
    int open(const char* name, sqlite3_file* out, int flags, int* out_flags);
    int remove(const char* name, int sync_folder);
    int write(file& f, const void* bytes, int size, sqlite3_int64 offset);
    int read(file& f, void* bytes, int size, sqlite3_int64 offset);
    int cut(file& f, sqlite3_int64 size);
    int sync(file& f, int flags);

    sqlite3_vfs* real_;
    sqlite3_vfs vfs_{};
    fault_plan plan_;
    std::int64_t count_ = 0;
    bool struck_ = false;
    bool off_ = false; // no power
    int system_error_ = 0;
    std::map<std::string, state> files_;
    std::map<std::string, std::string> deleted_; // whose deletion was not synced: they may come back

    std::mutex mutex_;
    std::condition_variable moved_;
    bool holding_ = false, held_ = false; // by mutex_
};

} // namespace relay::test
