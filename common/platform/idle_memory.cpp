#include "common/platform/idle_memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace relay::platform {
namespace {

// Only segments that are run and never written: pages of these are the file's own bytes. (Relocations are written into others.)
int give_back_code(::dl_phdr_info* library, std::size_t, void*)
{
    static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < library->dlpi_phnum; ++i) {
        const auto& segment = library->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & (PF_X | PF_W)) != PF_X)
            continue;
        const auto begin = (library->dlpi_addr + segment.p_vaddr) & ~(page - 1);
        const auto end = (library->dlpi_addr + segment.p_vaddr + segment.p_memsz + page - 1) & ~(page - 1);
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
        static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
    }
    return 0;
}

} // namespace

void give_back_idle_memory() noexcept
{
#ifdef __GLIBC__
    static_cast<void>(::malloc_trim(0));
#endif
    static_cast<void>(::dl_iterate_phdr(&give_back_code, nullptr));
}

} // namespace relay::platform
