// A disk that fails on command: a layer over SQLite's own access to files, for this process.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <new>

namespace parley::test {

// What writing and syncing answer, from now on and in every thread: SQLITE_OK: what the disk does.
struct Faults {
  std::atomic<int> write{SQLITE_OK};
  std::atomic<int> sync{SQLITE_OK};
  std::atomic<long> writes{0};  // that were tried
};
inline Faults faults;

namespace faulty {

struct File {
  sqlite3_file base;
  sqlite3_file* real;  // behind this struct
};

inline sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

inline int close(sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); }
inline int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, n, at);
}
inline int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  ++faults.writes;
  const int fault = faults.write;
  return fault != SQLITE_OK ? fault : real(f)->pMethods->xWrite(real(f), from, n, at);
}
inline int truncate(sqlite3_file* f, sqlite3_int64 size) {
  const int fault = faults.write;
  return fault != SQLITE_OK ? fault : real(f)->pMethods->xTruncate(real(f), size);
}
inline int sync(sqlite3_file* f, int flags) {
  const int fault = faults.sync;
  return fault != SQLITE_OK ? fault : real(f)->pMethods->xSync(real(f), flags);
}
inline int file_size(sqlite3_file* f, sqlite3_int64* size) {
  return real(f)->pMethods->xFileSize(real(f), size);
}
inline int lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
inline int unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
inline int check_lock(sqlite3_file* f, int* held) {
  return real(f)->pMethods->xCheckReservedLock(real(f), held);
}
inline int control(sqlite3_file* f, int op, void* arg) {
  return real(f)->pMethods->xFileControl(real(f), op, arg);
}
inline int sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
inline int traits(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
inline int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** at) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, at);
}
inline int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
inline void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
inline int shm_unmap(sqlite3_file* f, int remove) {
  return real(f)->pMethods->xShmUnmap(real(f), remove);
}

inline const sqlite3_io_methods kMethods = {
    2,       close,  read,   write,   truncate, sync,        file_size, lock,    unlock, check_lock,
    control, sector, traits, shm_map, shm_lock, shm_barrier, shm_unmap, nullptr, nullptr};

inline int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  auto* under = static_cast<sqlite3_vfs*>(vfs->pAppData);
  auto* layer = new (file) File{};
  layer->real = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(File));
  const int opened = under->xOpen(under, name, layer->real, flags, out);
  layer->base.pMethods = layer->real->pMethods == nullptr ? nullptr : &kMethods;
  return opened;
}

}  // namespace faulty

// Every connection opened from now on goes through it, if SQLite agrees.
[[nodiscard]] inline bool use_faulty_disk() {
  static sqlite3_vfs layer = [] {
    sqlite3_vfs* under = sqlite3_vfs_find(nullptr);
    sqlite3_vfs made = *under;
    made.zName = "faulty";
    made.pAppData = under;
    made.szOsFile = static_cast<int>(sizeof(faulty::File)) + under->szOsFile;
    made.xOpen = faulty::open;
    return made;
  }();
  return sqlite3_vfs_register(&layer, 1) == SQLITE_OK;
}

}  // namespace parley::test
