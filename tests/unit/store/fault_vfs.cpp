#include "tests/unit/store/fault_vfs.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <utility>

namespace relay::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t sector = 512; // what a disk writes as a whole
constexpr int most_path = 512;

std::string content_of(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

fault_vfs::fault_vfs() : real_(sqlite3_vfs_find(nullptr))
{
    vfs_ = *real_;
    vfs_.szOsFile = static_cast<int>(sizeof(file)) + real_->szOsFile;
    vfs_.mxPathname = most_path;
    vfs_.pNext = nullptr;
    vfs_.zName = "fault";
    vfs_.pAppData = this;
    vfs_.xOpen = [](sqlite3_vfs* v, const char* name, sqlite3_file* out, int flags, int* out_flags) {
        return static_cast<fault_vfs*>(v->pAppData)->open(name, out, flags, out_flags);
    };
    vfs_.xDelete = [](sqlite3_vfs* v, const char* name, int sync_folder) {
        return static_cast<fault_vfs*>(v->pAppData)->remove(name, sync_folder);
    };
    vfs_.xAccess = [](sqlite3_vfs* v, const char* name, int flags, int* out) {
        auto* r = static_cast<fault_vfs*>(v->pAppData)->real_;
        return r->xAccess(r, name, flags, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* name, int size, char* out) {
        auto* r = static_cast<fault_vfs*>(v->pAppData)->real_;
        return r->xFullPathname(r, name, size, out);
    };
    vfs_.xGetLastError = [](sqlite3_vfs* v, int, char*) {
        return static_cast<fault_vfs*>(v->pAppData)->system_error_;
    };
    sqlite3_vfs_register(&vfs_, 1);
}

fault_vfs::~fault_vfs()
{
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
}

// ---- control ----

void fault_vfs::arm(const fault_plan& plan)
{
    heal();
    plan_ = plan;
    count_ = 0;
    struck_ = false;
}

void fault_vfs::heal()
{
    plan_ = {};
    off_ = false;
    files_.clear();
    deleted_.clear();
}

void fault_vfs::hold()
{
    const std::lock_guard lock(mutex_);
    holding_ = true;
    held_ = false;
}

void fault_vfs::wait_until_held()
{
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return held_; });
}

void fault_vfs::release()
{
    {
        const std::lock_guard lock(mutex_);
        holding_ = false;
    }
    moved_.notify_all();
}

void fault_vfs::pass_gate()
{
    std::unique_lock lock(mutex_);
    if (!holding_)
        return;
    held_ = true;
    moved_.notify_all();
    moved_.wait(lock, [this] { return !holding_; });
}

// ---- what fails ----

bool fault_vfs::strikes()
{
    ++count_;
    if (off_)
        return true;
    if (plan_.at == 0 || !(count_ == plan_.at || (plan_.for_ever && count_ > plan_.at)))
        return false;
    struck_ = true;
    if (plan_.what == fault_plan::kind::power_loss)
        lose_power();
    return true;
}

int fault_vfs::code(operation o)
{
    const bool full = plan_.what == fault_plan::kind::full;
    system_error_ = full ? ENOSPC : EIO;
    switch (o) {
    case operation::write:
        return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    case operation::sync:
        return SQLITE_IOERR_FSYNC;
    case operation::open:
        return SQLITE_CANTOPEN;
    case operation::cut:
        return SQLITE_IOERR_TRUNCATE;
    case operation::remove:
        return SQLITE_IOERR_DELETE;
    case operation::map:
        return SQLITE_IOERR_SHMSIZE;
    }
    return SQLITE_IOERR;
}

// The files become what the disk holds when the power is back.
void fault_vfs::lose_power()
{
    off_ = true;
    std::mt19937 random(plan_.seed * 1'000'003U + static_cast<unsigned>(count_));
    const auto keeps = [&] {
        return plan_.rest == fault_plan::unsynced::kept ||
               (plan_.rest == fault_plan::unsynced::some && random() % 2 == 0);
    };
    for (const auto& [path, s] : files_) {
        for (const auto& c : s.unsynced) {
            if (c.cuts) {
                if (keeps())
                    apply(path, c);
                continue;
            }
            for (std::size_t begin = 0; begin < c.bytes.size();) {
                const auto start = static_cast<std::size_t>(c.offset) + begin;
                const auto size = std::min(sector - start % sector, c.bytes.size() - begin);
                if (keeps())
                    apply(path, {static_cast<std::int64_t>(start), c.bytes.substr(begin, size), false});
                begin += size;
            }
        }
    }
    for (const auto& [path, content] : deleted_)
        if (!fs::exists(path) && !keeps())
            std::ofstream(path, std::ios::binary) << content;
}

void fault_vfs::apply(const std::string& path, const change& c)
{
    if (c.cuts) {
        if (fs::file_size(path) > static_cast<std::uintmax_t>(c.offset))
            fs::resize_file(path, static_cast<std::uintmax_t>(c.offset));
        return;
    }
    std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
    if (fs::file_size(path) < static_cast<std::uintmax_t>(c.offset))
        fs::resize_file(path, static_cast<std::uintmax_t>(c.offset)); // a hole reads as zeros
    out.seekp(c.offset);
    out.write(c.bytes.data(), static_cast<std::streamsize>(c.bytes.size()));
}

// ---- SQLite's calls ----

int fault_vfs::open(const char* name, sqlite3_file* out, int flags, int* out_flags)
{
    auto& f = *new (out) file{};
    f.base.pMethods = nullptr;
    if (strikes())
        return code(operation::open);
    if (const int rc = real_->xOpen(real_, name, f.real(), flags, out_flags); rc != SQLITE_OK) {
        system_error_ = real_->xGetLastError(real_, 0, nullptr);
        return rc;
    }
    f.owner = this;
    f.path = name;
    f.syncs_folder =
        (flags & SQLITE_OPEN_CREATE) != 0 && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    if (plan_.what == fault_plan::kind::power_loss && name) {
        const auto [found, fresh] = files_.try_emplace(name);
        f.kept = &found->second;
        if (fresh)
            f.kept->content = content_of(name);
    }
    f.base.pMethods = &methods();
    return SQLITE_OK;
}

int fault_vfs::remove(const char* name, int sync_folder)
{
    if (!fs::exists(name))
        return SQLITE_IOERR_DELETE_NOENT;
    if (strikes())
        return code(operation::remove);
    if (plan_.what == fault_plan::kind::power_loss) {
        if (!sync_folder)
            deleted_[name] = content_of(name);
        files_.erase(name);
    }
    return real_->xDelete(real_, name, sync_folder);
}

int fault_vfs::write(file& f, const void* bytes, int size, sqlite3_int64 offset)
{
    const bool fails = strikes();
    if (fails && (off_ || plan_.what != fault_plan::kind::short_write))
        return code(operation::write);
    const auto length = static_cast<std::size_t>(fails ? size / 2 : size);
    if (!f.kept) {
        const int rc = f.real()->pMethods->xWrite(f.real(), bytes, static_cast<int>(length), offset);
        return fails ? code(operation::write) : rc;
    }
    const auto at = static_cast<std::size_t>(offset);
    auto& content = f.kept->content;
    content.resize(std::max(content.size(), at + length));
    std::memcpy(content.data() + at, bytes, length);
    f.kept->unsynced.push_back({offset, std::string(static_cast<const char*>(bytes), length), false});
    return SQLITE_OK;
}

int fault_vfs::read(file& f, void* bytes, int size, sqlite3_int64 offset)
{
    if (off_)
        return SQLITE_IOERR_READ;
    if (!f.kept)
        return f.real()->pMethods->xRead(f.real(), bytes, size, offset);
    const auto& content = f.kept->content;
    const auto at = std::min(static_cast<std::size_t>(offset), content.size());
    const auto there = std::min(static_cast<std::size_t>(size), content.size() - at);
    std::memcpy(bytes, content.data() + at, there);
    std::memset(static_cast<char*>(bytes) + there, 0, static_cast<std::size_t>(size) - there);
    return there == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int fault_vfs::cut(file& f, sqlite3_int64 size)
{
    if (strikes())
        return code(operation::cut);
    if (!f.kept)
        return f.real()->pMethods->xTruncate(f.real(), size);
    f.kept->content.resize(static_cast<std::size_t>(size));
    f.kept->unsynced.push_back({size, {}, true});
    return SQLITE_OK;
}

int fault_vfs::sync(file& f, int flags)
{
    if (strikes())
        return code(operation::sync);
    if (!f.kept)
        return f.real()->pMethods->xSync(f.real(), flags);
    for (const auto& c : f.kept->unsynced)
        apply(f.path, c);
    f.kept->unsynced.clear();
    if (std::exchange(f.syncs_folder, false))
        deleted_.clear();
    return SQLITE_OK;
}

const sqlite3_io_methods& fault_vfs::methods()
{
    static const sqlite3_io_methods all = [] {
        sqlite3_io_methods m{};
        m.iVersion = 2;
        m.xClose = [](sqlite3_file* f) { return of(f).real()->pMethods->xClose(of(f).real()); };
        m.xRead = [](sqlite3_file* f, void* b, int n, sqlite3_int64 o) {
            return of(f).owner->read(of(f), b, n, o);
        };
        m.xWrite = [](sqlite3_file* f, const void* b, int n, sqlite3_int64 o) {
            return of(f).owner->write(of(f), b, n, o);
        };
        m.xTruncate = [](sqlite3_file* f, sqlite3_int64 n) { return of(f).owner->cut(of(f), n); };
        m.xSync = [](sqlite3_file* f, int flags) { return of(f).owner->sync(of(f), flags); };
        m.xFileSize = [](sqlite3_file* f, sqlite3_int64* out) {
            if (!of(f).kept)
                return of(f).real()->pMethods->xFileSize(of(f).real(), out);
            *out = static_cast<sqlite3_int64>(of(f).kept->content.size());
            return SQLITE_OK;
        };
        m.xLock = [](sqlite3_file* f, int l) { return of(f).real()->pMethods->xLock(of(f).real(), l); };
        m.xUnlock = [](sqlite3_file* f, int l) { return of(f).real()->pMethods->xUnlock(of(f).real(), l); };
        m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
            return of(f).real()->pMethods->xCheckReservedLock(of(f).real(), out);
        };
        m.xFileControl = [](sqlite3_file* f, int op, void* p) {
            return of(f).real()->pMethods->xFileControl(of(f).real(), op, p);
        };
        m.xSectorSize = [](sqlite3_file* f) { return of(f).real()->pMethods->xSectorSize(of(f).real()); };
        m.xDeviceCharacteristics = [](sqlite3_file* f) {
            return of(f).real()->pMethods->xDeviceCharacteristics(of(f).real());
        };
        m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
            if (extend && of(f).owner->strikes())
                return of(f).owner->code(operation::map);
            return of(f).real()->pMethods->xShmMap(of(f).real(), page, size, extend, out);
        };
        m.xShmLock = [](sqlite3_file* f, int o, int n, int flags) {
            of(f).owner->pass_gate();
            return of(f).real()->pMethods->xShmLock(of(f).real(), o, n, flags);
        };
        m.xShmBarrier = [](sqlite3_file* f) { of(f).real()->pMethods->xShmBarrier(of(f).real()); };
        m.xShmUnmap = [](sqlite3_file* f, int d) {
            return of(f).real()->pMethods->xShmUnmap(of(f).real(), d);
        };
        return m;
    }();
    return all;
}

} // namespace relay::test
