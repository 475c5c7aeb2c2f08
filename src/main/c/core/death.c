/* SPDX-License-Identifier: Apache-2.0 */
#include "core/death.h"

#include "core/members.h"

static uint64_t identity_at(const lwshm_segment *s, uint32_t i)
{
    return __atomic_load_n(&process_at(s, i)->identity, __ATOMIC_ACQUIRE);
}

/* A private segment's process has ended, or it has run another program since (exec), which took
   the segment out of its memory. */
static bool is_dead_in_private(const lwshm_segment *s, uint64_t identity, bool thorough)
{
    if (os_process_runs_no_more(identity))
        return true;
    return thorough && identity != s->identity &&
           os_process_maps(os_identity_pid(identity), s->shmid) == 0 &&
           /* It had not ended between the two looks, giving its pid to another. */
           os_process_identity(os_identity_pid(identity)) == identity;
}

/* The kernel still has the byte's lock, but the process runs no instruction any more. */
static bool runs_no_more(const lwshm_segment *s, uint32_t i, uint64_t identity)
{
    const struct process_entry *entry = process_at(s, i);
    uint64_t process = __atomic_load_n(&entry->process, __ATOMIC_ACQUIRE);
    uint64_t namespaces = __atomic_load_n(&entry->namespaces, __ATOMIC_ACQUIRE);
    return identity_at(s, i) == identity && namespaces == os_process_namespaces() &&
           os_process_runs_no_more(process) && identity_at(s, i) == identity;
}

bool death_is_near(const lwshm_segment *s, uint32_t i)
{
    const struct process_entry *entry = process_at(s, i);
    return identity_at(s, i) == 0 ||
           (__atomic_load_n(&entry->namespaces, __ATOMIC_ACQUIRE) == os_process_namespaces() &&
            os_process_is_dying(__atomic_load_n(&entry->process, __ATOMIC_ACQUIRE)));
}

bool death_prove(const lwshm_segment *s, uint32_t i, uint64_t identity, bool thorough,
                 os_file_hold **proof)
{
    *proof = NULL;
    if (s->data_dir == NULL)
        return is_dead_in_private(s, identity, thorough);
    if (i == s->process)
        return false;
    /* Once the byte is ours, nobody enters there, and an identity that stands there is dead.  To see
       that nobody has the byte is not enough: the process may have left and entered again. */
    if (os_members_hold_again(&s->members, member_byte(i), false, proof) == 0)
        return true;
    return runs_no_more(s, i, identity);
}

void death_end_proof(os_file_hold *proof)
{
    os_members_release(proof);
}
