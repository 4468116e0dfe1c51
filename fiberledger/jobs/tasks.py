from __future__ import annotations

from procrastinate.contrib.django import app


@app.periodic(cron="17 3 * * *")
@app.task(name="jobs.forget_old", queueing_lock="jobs.forget_old", pass_context=True)
async def forget_old(context, timestamp: int) -> None:
    """Drop jobs that ended well a week ago."""
    await context.app.job_manager.delete_old_jobs(nb_hours=7 * 24)
