/* SPDX-License-Identifier: Apache-2.0 */
#include "core/layout.h"

#include "lwshm/layout.h"
#include "lwshm/postmaster.h"
#include "lwshm/version.h"

/* clang-format off */
#define STRUCT(s) {#s, 0, sizeof(struct s)}
#define FIELD(s, f) {#s "." #f, offsetof(struct s, f), sizeof(((struct s *)0)->f)}
#define CONSTANT(c) {#c, (uint64_t)(c), 0}
/* clang-format on */

static const struct lwshm_layout_field fields[] = {
    STRUCT(segment_header),
    FIELD(segment_header, magic),
    FIELD(segment_header, abi_version),
    FIELD(segment_header, header_size),
    FIELD(segment_header, total_size),
    FIELD(segment_header, data_dir_dev),
    FIELD(segment_header, data_dir_ino),
    FIELD(segment_header, creator),
    FIELD(segment_header, created_at),
    FIELD(segment_header, generation),
    FIELD(segment_header, flags),
    FIELD(segment_header, boot_id),
    FIELD(segment_header, pid_namespace),
    FIELD(segment_header, max_processes),
    FIELD(segment_header, max_backends),
    FIELD(segment_header, max_held_locks),
    FIELD(segment_header, max_tranches),
    FIELD(segment_header, max_lwlocks),
    FIELD(segment_header, max_structs),
    FIELD(segment_header, max_children),
    FIELD(segment_header, nonce),
    FIELD(segment_header, members_dev),
    FIELD(segment_header, members_ino),
    FIELD(segment_header, area_bytes),
    FIELD(segment_header, fingerprint),
    FIELD(segment_header, region),
    FIELD(segment_header, checksum),
    FIELD(segment_header, state),
    FIELD(segment_header, stop_mode),
    FIELD(segment_header, joined_slots),
    FIELD(segment_header, allocator),
    FIELD(segment_header, free_offset),
    FIELD(segment_header, struct_count),
    FIELD(segment_header, tranche_count),

    STRUCT(process_entry),
    FIELD(process_entry, identity),
    FIELD(process_entry, attached_at),
    FIELD(process_entry, process),
    FIELD(process_entry, namespaces),
    FIELD(process_entry, occupancies),

    {"backend_slot", 0, sizeof(struct backend_slot)},
    FIELD(backend_slot, identity),
    FIELD(backend_slot, spilled),
    FIELD(backend_slot, wait_lock),
    FIELD(backend_slot, wait_since),
    FIELD(backend_slot, child),
    FIELD(backend_slot, wait_mode),
    {"backend_slot.record", offsetof(struct backend_slot, record), 8},

    STRUCT(tranche_counters),
    FIELD(tranche_counters, exclusive),
    FIELD(tranche_counters, shared),
    FIELD(tranche_counters, slow_exclusive),
    FIELD(tranche_counters, slow_shared),

    STRUCT(lwlock),
    FIELD(lwlock, word),
    FIELD(lwlock, readers),
    FIELD(lwlock, xfut),
    FIELD(lwlock, sfut),
    FIELD(lwlock, dfut),
    FIELD(lwlock, tranche),

    STRUCT(tranche_entry),
    FIELD(tranche_entry, name),
    FIELD(tranche_entry, offset),
    FIELD(tranche_entry, locks),
    FIELD(tranche_entry, wait_ns),
    FIELD(tranche_entry, recoveries),
    FIELD(tranche_entry, poisonings),
    FIELD(tranche_entry, spin),
    FIELD(tranche_entry, spins_setting),
    FIELD(tranche_entry, next_trial),
    FIELD(tranche_entry, trials_agreed),
    FIELD(tranche_entry, waits),

    STRUCT(index_entry),
    FIELD(index_entry, name),
    FIELD(index_entry, offset),
    FIELD(index_entry, size),

    CONSTANT(LWSHM_ABI_VERSION),
    CONSTANT(SEGMENT_MAGIC),
    CONSTANT(SEGMENT_CREATING),
    CONSTANT(SEGMENT_READY),
    CONSTANT(SEGMENT_DEAD),
    CONSTANT(SEGMENT_ADOPTING),
    CONSTANT(IDENTITY_PID_BITS),
    CONSTANT(BACKEND_FREE),
    CONSTANT(BACKEND_JOINED),
    CONSTANT(BACKEND_DEAD),
    CONSTANT(LWSHM_CHILD_NONE),
    CONSTANT(LWSHM_CHILD_ASSIGNED),
    CONSTANT(LWSHM_CHILD_ACTIVE),
    CONSTANT(LWSHM_CHILD_LEFT),
    CONSTANT(CHILD_STATE_MASK),
    CONSTANT(CHILD_LAUNCH_SHIFT),
    CONSTANT(RECORD_N),
    CONSTANT(RECORD_S),
    CONSTANT(RECORD_XIN),
    CONSTANT(RECORD_KIND_MASK),
    CONSTANT(RECORD_LOCK_SHIFT),
    CONSTANT(RECORD_GENERATION_SHIFT),
    CONSTANT(SPILLED_GENERATION_SHIFT),
    CONSTANT(LOCK_OWNER_SLOT_MASK),
    CONSTANT(LOCK_OWNER_GENERATION_SHIFT),
    CONSTANT(LOCK_OWNER_MASK),
    CONSTANT(LOCK_STARVING_SHIFT),
    CONSTANT(LOCK_STARVING_MASK),
    CONSTANT(LOCK_POISON),
    CONSTANT(LOCK_XWAIT),
    CONSTANT(LOCK_SWAIT),
    CONSTANT(LOCK_DPARK),
    CONSTANT(LOCK_WAKING),
};

int lwshm_layout_field(uint32_t i, struct lwshm_layout_field *field)
{
    if (i >= sizeof fields / sizeof *fields)
        return 0;
    *field = fields[i];
    return 1;
}
