/* A plugin for QEMU: which blocks of the model's code were executed how often, and which lines its caches would fetch.
 *
 * Arguments: out=FILE, code=FILE with a line "FIRST END" a function, split=ADDRESS of the function at whose call a part
 * ends, flash=FIRST address of it, ram=1 where the data cache serves RAM too (0 where RAM answers at once), and sets, ways
 * and bytes of a line of both caches: instruction=S:W:L, data=S:W:L (no sets for no cache).  Everything is hexadecimal.  The file has a line
 *   B FIRST INSTRUCTIONS   for a block, numbered from 0 in this order, followed by a line an instruction,
 *   P FETCHED FLASH RAM UNALIGNED   when a part ends: lines fetched for instructions, for data from flash and for loads
 *     from RAM (each access that no cache answers, where there is none), and loads whose address is no multiple of their
 *     size,
 *   C BLOCK EXECUTIONS   after it, for the blocks of the part.
 *
 * QEMU's headers are not installed with it; what is used of its plugin interface, version 1, is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*tb_trans_cb)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*exec_cb)(unsigned int, void *);
typedef void (*mem_cb)(unsigned int, qemu_plugin_meminfo_t, uint64_t, void *);
typedef void (*exit_cb)(qemu_plugin_id_t, void *);
enum { NO_REGISTERS = 0, READS_AND_WRITES = 3 };
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, tb_trans_cb);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, exec_cb, int, void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, mem_cb, int, int, void *);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_cb, void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
extern char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *);
extern unsigned int qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
extern bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);
#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

struct cache {
  uint64_t sets, ways, line;
  uint64_t *tags; /* of a set one after the other, the last used first; 0 for nothing, otherwise the line's number + 1 */
};
struct block {
  uint64_t first, end, executions, number;
  struct block *next;
};
struct range {
  uint64_t first, end;
};

static FILE *out;
static struct range *code;
static size_t code_count;
static uint64_t split, flash;
static struct cache instructions, data;
static struct block *blocks;
static uint64_t block_count;
static uint64_t fetched, from_flash, from_ram, unaligned;
static bool started, ram_is_cached;

/* Returns whether the line of an address had to be fetched, and makes it the last used of its set. */
static bool misses(struct cache *cache, uint64_t address) {
  if (cache->sets == 0) {
    return true;
  }
  const uint64_t tag = address / cache->line + 1;
  uint64_t *const set = cache->tags + (tag % cache->sets) * cache->ways;
  uint64_t i = 0;
  while (i < cache->ways - 1 && set[i] != tag) {
    ++i;
  }
  const bool missed = set[i] != tag;
  memmove(set + 1, set, i * sizeof *set);
  set[0] = tag;
  return missed;
}

static void end_part(void) {
  struct block *b;
  if (!started) {
    return;
  }
  fprintf(out, "P %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", fetched, from_flash, from_ram, unaligned);
  for (b = blocks; b != NULL; b = b->next) {
    if (b->executions != 0) {
      fprintf(out, "C %" PRIx64 " %" PRIx64 "\n", b->number, b->executions);
      b->executions = 0;
    }
  }
  fetched = from_flash = from_ram = unaligned = 0;
  started = false;
}

static void on_split(unsigned int cpu, void *unused) {
  (void)cpu;
  (void)unused;
  end_part();
}

static void on_block(unsigned int cpu, void *opaque) {
  struct block *const b = opaque;
  uint64_t at;
  (void)cpu;
  started = true;
  ++b->executions;
  if (b->first < flash) { /* code that was copied to RAM is not looked at */
    return;
  }
  const uint64_t line = instructions.sets ? instructions.line : 16;
  for (at = b->first - b->first % line; at < b->end; at += line) {
    fetched += misses(&instructions, at);
  }
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *unused) {
  const uint64_t size = 1u << qemu_plugin_mem_size_shift(info);
  const bool stores = qemu_plugin_mem_is_store(info);
  (void)cpu;
  (void)unused;
  if (!stores && address % size != 0) {
    ++unaligned;
  }
  if (address >= flash) {
    from_flash += misses(&data, address);
  } else if (ram_is_cached) {
    /* A store takes a line into the cache as well, but the core does not wait for it: there is a store buffer. */
    const bool missed = misses(&data, address);
    from_ram += missed && !stores;
  }
}

static bool is_code(uint64_t address) {
  size_t i;
  for (i = 0; i < code_count; ++i) {
    if (code[i].first <= address && address < code[i].end) {
      return true;
    }
  }
  return false;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  const uint64_t first = qemu_plugin_tb_vaddr(tb);
  const size_t count = qemu_plugin_tb_n_insns(tb);
  size_t i;
  (void)id;
  if (first == split) {
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_split, NO_REGISTERS, NULL);
    return;
  }
  if (!is_code(first)) {
    return;
  }
  struct block *const b = calloc(1, sizeof *b);
  if (b == NULL) {
    abort();
  }
  b->first = b->end = first;
  b->number = block_count++;
  fprintf(out, "B %" PRIx64 " %zx\n", first, count);
  for (i = 0; i < count; ++i) {
    struct qemu_plugin_insn *const instruction = qemu_plugin_tb_get_insn(tb, i);
    char *const text = qemu_plugin_insn_disas(instruction);
    fprintf(out, "%s\n", text);
    free(text);
    b->end += qemu_plugin_insn_size(instruction);
    qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS, READS_AND_WRITES, NULL);
  }
  b->next = blocks;
  blocks = b;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGISTERS, b);
}

static void on_exit_(qemu_plugin_id_t id, void *unused) {
  (void)id;
  (void)unused;
  end_part();
  fclose(out);
}

static int read_cache(struct cache *cache, const char *text) {
  if (sscanf(text, "%" SCNx64 ":%" SCNx64 ":%" SCNx64, &cache->sets, &cache->ways, &cache->line) != 3) {
    return -1;
  }
  cache->tags = calloc(cache->sets * cache->ways + 1, sizeof *cache->tags);
  return cache->tags == NULL ? -1 : 0;
}

static int read_code(const char *path) {
  struct range r;
  FILE *const file = fopen(path, "r");
  if (file == NULL) {
    return -1;
  }
  while (fscanf(file, "%" SCNx64 " %" SCNx64, &r.first, &r.end) == 2) {
    struct range *const more = realloc(code, (code_count + 1) * sizeof *code);
    if (more == NULL) {
      abort();
    }
    code = more;
    code[code_count++] = r;
  }
  fclose(file);
  return 0;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
  int i, failed = 0;
  (void)info;
  for (i = 0; i < argc; ++i) {
    const char *const value = strchr(argv[i], '=');
    if (value == NULL) {
      return -1;
    }
    const size_t name = (size_t)(value - argv[i]);
    if (strncmp(argv[i], "out", name) == 0) {
      out = fopen(value + 1, "w");
    } else if (strncmp(argv[i], "code", name) == 0) {
      failed |= read_code(value + 1);
    } else if (strncmp(argv[i], "split", name) == 0) {
      split = strtoull(value + 1, NULL, 16);
    } else if (strncmp(argv[i], "flash", name) == 0) {
      flash = strtoull(value + 1, NULL, 16);
    } else if (strncmp(argv[i], "ram", name) == 0) {
      ram_is_cached = value[1] == '1';
    } else if (strncmp(argv[i], "instruction", name) == 0) {
      failed |= read_cache(&instructions, value + 1);
    } else if (strncmp(argv[i], "data", name) == 0) {
      failed |= read_cache(&data, value + 1);
    } else {
      return -1;
    }
  }
  if (failed || out == NULL) {
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
  return 0;
}
